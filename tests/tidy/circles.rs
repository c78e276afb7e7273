//! Modules do not import each other in a circle.
//!
//! A file depends on every module that its code names, in a `use` or in a path. A parent that declares a child, or
//! re-exports what the child defines, does not depend on it. Code of unit tests is not counted.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::assert_none;
use crate::tree::{self, File, code};

/// For each module, by its path such as `http::rooms`, the modules it depends on. The crate's root is `crate`.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// The name of the module in a file, or `None` for a binary.
fn module_name(path: &str) -> Option<String> {
    match path.strip_suffix(".rs")? {
        "lib" => Some("crate".to_owned()),
        "main" => None,
        path => Some(path.replace('/', "::")),
    }
}

fn child_of(module: &str, name: &str) -> String {
    if module == "crate" { name.to_owned() } else { format!("{module}::{name}") }
}

fn parent_of(module: &str) -> String {
    module.rsplit_once("::").map_or("crate", |(parent, _)| parent).to_owned()
}

/// The dependencies between the modules of the crate whose sources are in `source`.
fn graph(files: &[File], source: &str) -> Graph {
    let sources: BTreeMap<String, String> = files
        .iter()
        .filter_map(|file| {
            let code = code(&file.text);
            let code = code.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            Some((module_name(file.path.strip_prefix(source)?)?, code))
        })
        .collect();
    let known: BTreeSet<&str> = sources.keys().map(String::as_str).collect();
    let edges = sources.iter().map(|(module, code)| (module.clone(), dependencies(module, code, &known)));
    edges.collect()
}

fn dependencies(module: &str, code: &str, known: &BTreeSet<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut imported = HashMap::new();
    let mut rest = String::new();
    for statement in code.split_inclusive(';') {
        // Other code may precede an import in its piece. An import begins its line.
        let imports = statement.match_indices("use ").filter_map(|(at, _)| {
            let before = statement[..at].rsplit('\n').next()?.trim();
            let is_public = before == "pub" || (before.starts_with("pub(") && before.ends_with(')'));
            (is_public || before.is_empty()).then_some((at, is_public))
        });
        let Some((start, is_public)) = imports.last() else {
            rest.push_str(statement);
            continue;
        };
        let (before, import) = statement.split_at(start);
        rest.push_str(before);
        for path in import_paths(import.trim_start_matches("use ").trim_end_matches(';')) {
            let Some((target, is_module)) = resolve(module, &path, known, &HashMap::new()) else { continue };
            if is_module {
                imported.insert(path.rsplit("::").next().unwrap_or_default().to_owned(), target.clone());
            }
            if !(is_public && parent_of(&target) == module) {
                found.insert(target);
            }
        }
    }
    for path in paths(&rest) {
        found.extend(resolve(module, path, known, &imported).map(|(target, _)| target));
    }
    found.remove(module);
    found
}

/// `a::{b, c::{self, D}}` as `a::b`, `a::c` and `a::c::D`.
fn import_paths(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree).trim();
        return vec![path.trim_end_matches("::self").to_owned()];
    };
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let (mut items, mut depth) = (vec![String::new()], 0);
    for character in group.chars() {
        match character {
            ',' if depth == 0 => {
                items.push(String::new());
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if let Some(item) = items.last_mut() {
            item.push(character);
        }
    }
    let items = items.iter().filter(|item| !item.trim().is_empty());
    items.flat_map(|item| import_paths(&format!("{}{}", prefix.trim(), item.trim()))).collect()
}

/// The paths of at least two segments in code.
fn paths(code: &str) -> impl Iterator<Item = &str> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_' || character == ':';
    code.split(move |character| !is_part(character)).filter(|path| path.contains("::"))
}

/// The innermost module of a path, and whether the path names the module itself. `None` for other crates' paths.
fn resolve(
    module: &str,
    path: &str,
    known: &BTreeSet<&str>,
    imported: &HashMap<String, String>,
) -> Option<(String, bool)> {
    let mut segments = path.split("::").peekable();
    let first = segments.next()?;
    let mut target = match first {
        "crate" => "crate".to_owned(),
        "self" => module.to_owned(),
        "super" => parent_of(module),
        name if known.contains(child_of(module, name).as_str()) => child_of(module, name),
        name => imported.get(name)?.clone(),
    };
    while segments.next_if_eq(&"super").is_some() {
        target = parent_of(&target);
    }
    while let Some(name) = segments.peek() {
        let child = child_of(&target, name);
        if !known.contains(child.as_str()) {
            return Some((target, false));
        }
        target = child;
        segments.next();
    }
    Some((target, true))
}

/// The shortest circle through each module that is in one; a circle is reported once.
fn circles(graph: &Graph) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut complaints = Vec::new();
    for start in graph.keys() {
        let Some(circle) = shortest_circle(graph, start) else { continue };
        let mut members = circle.clone();
        members.sort();
        if seen.insert(members) {
            complaints.push(format!("modules import each other: {} → {start}", circle.join(" → ")));
        }
    }
    complaints
}

fn shortest_circle(graph: &Graph, start: &str) -> Option<Vec<String>> {
    let mut queue = VecDeque::from([vec![start.to_owned()]]);
    let mut visited = BTreeSet::new();
    while let Some(way) = queue.pop_front() {
        for next in graph.get(way.last()?)? {
            if next == start {
                return Some(way);
            }
            if visited.insert(next.clone()) {
                queue.push_back([way.as_slice(), std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}

#[test]
fn the_servers_modules_import_in_one_direction() {
    let graph = graph(&tree::files(), "crates/api/src/");
    assert!(graph["http::rooms"].contains("http::body"), "the imports were not understood: {graph:?}");
    assert_none(circles(&graph));
}

#[test]
fn the_clients_modules_import_in_one_direction() {
    let graph = graph(&tree::files(), "crates/web/src/");
    assert!(graph["app"].contains("pages::room_page"), "the imports were not understood: {graph:?}");
    assert_none(circles(&graph));
}

#[test]
fn circles_are_seen_through_every_kind_of_path() {
    let sources = |sources: &[(&str, &str)]| {
        let files: Vec<File> =
            sources.iter().map(|(path, text)| File::sample(&format!("src/{path}"), text)).collect();
        circles(&graph(&files, "src/"))
    };
    let lib = ("lib.rs", "mod a;\nmod b;\nmod c;\nfn f() { a::run() }");
    for (a, c) in [
        ("use crate::{b::B, c::{self, C}};", "fn f() { crate::a::g() }"),
        ("use crate::c;", "use super::a::A;"),
        ("use super::c::d;\nfn f() { d::g() }", "pub(crate) use crate::a::A;"),
    ] {
        let found = sources(&[lib, ("a.rs", a), ("b.rs", ""), ("c.rs", c), ("c/d.rs", "use crate::a::A;")]);
        assert_eq!(found.len(), 1, "{a} {c}: {found:?}");
    }
    let (b, child) = (("b.rs", ""), ("a/child.rs", "use super::Item;\nuse super::super::b::B;"));
    assert_eq!(sources(&[lib, ("a.rs", "mod child;\npub use child::Child;"), b, child]).len(), 0);
    assert_eq!(sources(&[lib, ("a.rs", "mod child;\nuse self::child::Child;"), b, child]).len(), 1);
    let tested = "// crate::a::A\nfn f() {}\n#[cfg(test)]\nmod tests { use crate::a::A; }";
    assert_eq!(sources(&[lib, ("a.rs", "use crate::b::B;"), ("b.rs", tested)]).len(), 0);
    let in_text = "fn f() -> &'static str { \"make use of\" }\nfn g() { crate::a::h(); }";
    assert_eq!(sources(&[lib, ("a.rs", "use crate::b::B;"), ("b.rs", in_text)]).len(), 1);
}
