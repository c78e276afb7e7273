//! The documents name only files that exist.

use crate::assert_none;
use crate::tree::{self, File};

const LONGEST_MAP: usize = 150;

/// The words in backticks that look like paths of the project: they have a known ending, or begin with a top-level
/// directory.
fn named_paths(markdown: &str) -> Vec<String> {
    const ENDINGS: &[&str] = &[".rs", ".toml", ".md", ".sql", ".css", ".html", ".yml", ".service"];
    const FOLDERS: &[&str] =
        &["crates/", "tests/", "script/", "migrations/", "packaging/", ".ci/", ".github/", "docs/"];
    let prose: String = markdown.split("```").step_by(2).collect();
    let words = prose.split('`').skip(1).step_by(2).flat_map(|code| code.split_whitespace());
    let words = words.map(|word| word.trim_start_matches("./").trim_end_matches([',', '.', ':', ';']));
    let is_path = |word: &&str| {
        let word = word.replace('}', "");
        !word.starts_with('/')
            && !word.contains("://")
            && (ENDINGS.iter().any(|ending| word.ends_with(ending) && word.len() > ending.len())
                || FOLDERS.iter().any(|folder| word.starts_with(folder)))
    };
    words.filter(is_path).flat_map(alternatives).collect()
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn alternatives(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.to_owned()] };
    let Some((choices, after)) = rest.split_once('}') else { return vec![path.to_owned()] };
    choices.split(',').flat_map(|choice| alternatives(&format!("{before}{}{after}", choice.trim()))).collect()
}

/// Whether a path, the end of a path, or a pattern with `*` or `<…>` matches a file or directory.
fn exists(path: &str, files: &[File]) -> bool {
    let end = format!("/{path}");
    let fixed = path.split(['*', '<']).next().unwrap_or(path);
    files.iter().any(|file| {
        let with_root = format!("/{}", file.path);
        with_root.ends_with(&end)
            || (path.ends_with('/') && with_root.contains(&end))
            || with_root.contains(&format!("{end}/"))
            || (fixed.len() < path.len() && !fixed.is_empty() && with_root.contains(&format!("/{fixed}")))
    })
}

fn dead_paths(document: &File, files: &[File]) -> Vec<String> {
    let dead = named_paths(&document.text).into_iter().filter(|path| !exists(path, files));
    dead.map(|path| format!("{}: names {path}, which is not there", document.path)).collect()
}

#[test]
fn the_map_is_short_and_true() {
    let files = tree::files();
    let map = tree::read("ARCHITECTURE.md");
    let length = map.lines().count();
    assert!(length <= LONGEST_MAP, "ARCHITECTURE.md has {length} lines: more than {LONGEST_MAP} are no map");
    assert!(named_paths(&map).len() > 10, "ARCHITECTURE.md names hardly any file: {:?}", named_paths(&map));
    assert_none(dead_paths(&File::sample("ARCHITECTURE.md", &map), &files));
}

#[test]
fn the_guides_name_only_what_is_there() {
    let files = tree::files();
    for path in ["README.md", "CONTRIBUTING.md", "tests/reference.md"] {
        assert_none(dead_paths(&File::sample(path, &tree::read(path)), &files));
    }
}

#[test]
fn the_readme_gives_the_two_commands() {
    let readme = tree::read("README.md");
    for command in ["./script/run", "./script/test"] {
        assert!(readme.contains(command), "README.md does not say {command}");
    }
}

#[test]
fn dead_paths_are_seen() {
    let files = [File::sample("crates/api/src/http/rooms.rs", ""), File::sample("script/run", "")];
    let document = |text: &str| File::sample("A.md", text);
    let good = "`http/rooms.rs`, `crates/api/src/http/`, `./script/run`, `GET /rooms/x.rs`, `crates/*/src`, `application/json`";
    assert_eq!(dead_paths(&document(good), &files), Vec::<String>::new());
    let bad = "`http/{rooms,users}.rs` and `script/walk` and\n```\n`docs/not-looked-at.md`\n```\n`tests/`";
    let paths: Vec<_> = named_paths(bad).into_iter().filter(|path| !exists(path, &files)).collect();
    assert_eq!(paths, ["http/users.rs", "script/walk", "tests/"]);
}
