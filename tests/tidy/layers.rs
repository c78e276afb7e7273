//! The directions of dependency: names that must not occur in a part of the project.

use crate::assert_none;
use crate::tree::{self, File, code, names};

/// Names that must not occur in a part of the project.
struct Rule {
    /// The part: path prefixes.
    within: &'static [&'static str],
    /// Exceptions: path prefixes.
    except: &'static [&'static str],
    /// Prefixes of identifiers or paths.
    never: &'static [&'static str],
    /// The reason.
    because: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        within: &["crates/api/src/"],
        except: &["crates/api/src/db.rs", "crates/api/src/db/"],
        never: &["diesel"],
        because: "only db.rs and db/ talk to the database",
    },
    Rule {
        within: &["crates/api/src/db.rs", "crates/api/src/db/"],
        except: &[],
        never: &["actix", "crate::http", "crate::realtime"],
        because: "the database layer knows no HTTP and no sockets",
    },
    Rule {
        within: &["crates/api/src/realtime.rs", "crates/api/src/realtime/"],
        // It encodes frames with the codec of actix-http.
        except: &["crates/api/src/realtime/frame.rs"],
        never: &["actix", "crate::db", "crate::http"],
        because: "the hub and what it is made of know neither the web framework nor the database",
    },
    Rule {
        within: &["crates/api/src/postgres.rs", "crates/api/src/postgres/", "crates/api/src/config.rs"],
        except: &[],
        never: &["actix", "crate::db", "crate::http", "crate::realtime"],
        because: "the supervisor and the settings stand below everything else",
    },
    Rule {
        within: &["crates/"],
        except: &["crates/api/src/config.rs"],
        never: &["env::var", "env::set_var", "env!", "option_env!"],
        because: "only config.rs reads the environment",
    },
    Rule {
        within: &["crates/web/src/"],
        except: &["crates/web/src/client.rs", "crates/web/src/client/"],
        never: &["gloo_net::http", "XmlHttpRequest", "fetch_with"],
        because: "only client.rs and client/ speak HTTP",
    },
    Rule {
        within: &["crates/web/src/"],
        except: &["crates/web/src/socket.rs", "crates/web/src/socket/"],
        never: &["gloo_net::websocket", "WebSocket::new", "EventSource"],
        because: "only socket.rs and socket/ connect to the server",
    },
    Rule {
        within: &["crates/web/src/components/"],
        except: &[],
        never: &["crate::client", "crate::socket"],
        because: "a component takes props and calls back; pages talk to the server",
    },
    Rule {
        within: &["crates/web/src/state/"],
        except: &[],
        never: &["leptos", "web_sys", "js_sys", "gloo", "wasm_bindgen", "crate::client", "crate::socket"],
        because: "state is plain: it knows no browser and is tested without one",
    },
    Rule {
        within: &["crates/shared/src/"],
        except: &[],
        never: &[
            "std::fs",
            "std::net",
            "std::thread",
            "std::process",
            "async fn",
            "target_arch",
            "target_family",
        ],
        because: "the protocol does nothing and is the same everywhere",
    },
];

/// What `crates/shared` may depend on, in its manifest and in its imports.
const SHARED_CRATES: &[&str] = &["serde", "serde_json", "chrono", "uuid", "utoipa"];

/// The first segments of imports that are not other crates.
const OWN_ROOTS: &[&str] = &["std", "core", "alloc", "crate", "self", "super"];

fn breaches(files: &[File], rule: &Rule) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.is_rust() && file.is_under(rule.within) && !file.is_under(rule.except))
    {
        for (number, line) in code(&file.text).lines().enumerate() {
            // Variables of Cargo are not settings.
            let line = line.replace("env!(\"CARGO_", "");
            for word in rule.never.iter().filter(|word| names(&line, word)) {
                breaches.push(format!("{}:{}: names {word}, but {}", file.path, number + 1, rule.because));
            }
        }
    }
    breaches
}

/// The first segments of the imports in a source.
fn import_roots(code: &str) -> Vec<String> {
    code.lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let line =
                line.strip_prefix("pub").map_or(line, |rest| rest.trim_start_matches("(crate)").trim_start());
            let path = line.strip_prefix("use ")?.trim_start_matches("::");
            Some(path.split([':', ';', ' ', '{']).next().unwrap_or(path).to_owned())
        })
        .collect()
}

fn foreign_imports(files: &[File], within: &str, allowed: &[&str]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() && file.path.starts_with(within)) {
        // Unit tests, at the end of a file, may use other crates.
        let code = code(&file.text);
        let code = code.split("#[cfg(test)]").next().unwrap_or(&code);
        for root in import_roots(code) {
            if !OWN_ROOTS.contains(&root.as_str()) && !allowed.contains(&root.as_str()) {
                complaints.push(format!("{}: imports {root}; it may only import {allowed:?}", file.path));
            }
        }
    }
    complaints
}

/// The names in a manifest's section `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.split("\n[").find(|section| section.starts_with("dependencies]")).unwrap_or("");
    let lines =
        section.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split(['.', ' ', '=']).next().unwrap_or(line).to_owned()).collect()
}

#[test]
fn no_layer_breaks_its_rules() {
    let files = tree::files();
    for rule in RULES {
        assert!(files.iter().any(|file| file.is_under(rule.within)), "nothing lies under {:?}", rule.within);
        assert_none(breaches(&files, rule));
    }
}

#[test]
fn the_protocol_imports_only_crates_of_wire_types() {
    assert_none(foreign_imports(&tree::files(), "crates/shared/src/", SHARED_CRATES));
    let dependencies = dependencies(&tree::read("crates/shared/Cargo.toml"));
    assert!(dependencies.contains(&"serde".to_owned()), "the manifest was not understood: {dependencies:?}");
    let foreign = dependencies.into_iter().filter(|name| !SHARED_CRATES.contains(&name.as_str()));
    assert_none(foreign.map(|name| format!("crates/shared depends on {name}")).collect());
}

#[test]
fn the_clients_state_imports_only_the_protocol() {
    assert_none(foreign_imports(&tree::files(), "crates/web/src/state/", &["shared"]));
}

#[test]
fn the_rules_catch_what_breaks_them() {
    for rule in RULES {
        for word in rule.never {
            let path = if rule.within[0].ends_with('/') { "x.rs" } else { "" };
            let path = format!("{}{path}", rule.within[0]);
            let bad = File::sample(&path, &format!("fn f() {{\n    {word}x();\n}}"));
            assert_eq!(breaches(&[bad], rule).len(), 1, "{word}");
            let comment = File::sample(
                &path,
                &format!("// {word}\nconst VERSION: &str = env!(\"CARGO_PKG_VERSION\");"),
            );
            assert_eq!(breaches(&[comment], rule), Vec::<String>::new());
        }
    }
}

#[test]
fn foreign_imports_and_dependencies_are_seen() {
    let rust = "use std::fmt;\npub use shared::ids;\n  pub(crate) use leptos::view;\nuse ::tokio::sync;\n\
        #[cfg(test)]\nmod tests { use proptest::prelude; }";
    let complaints = foreign_imports(&[File::sample("a/b.rs", rust)], "a/", &["shared"]);
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert_eq!(
        dependencies(
            "[package]\nname = \"x\"\n\n[dependencies]\n# why\na.workspace = true\nb-c = \"1\"\n\n[lints]\nd = 1"
        ),
        ["a", "b-c"]
    );
}
