//! Rules for every file.

use crate::assert_none;
use crate::tree::{self, File, code, names};

/// Directories whose files may sleep: they implement waiting for a condition.
const WAITING: &[&str] = &["tests/support/", "tests/tidy/"];

fn sleeping_tests(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in
        files.iter().filter(|file| file.is_rust() && file.is_under(&["tests/"]) && !file.is_under(WAITING))
    {
        for (number, line) in code(&file.text).lines().enumerate() {
            if names(line, "sleep(") || names(line, "sleep_until(") {
                complaints.push(format!(
                    "{}:{}: sleeps; wait for a condition instead",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    complaints
}

fn ignored_tests(files: &[File]) -> Vec<String> {
    let rust = files.iter().filter(|file| file.is_rust() && !file.is_under(&["tests/tidy/"]));
    let ignored = rust.filter(|file| code(&file.text).contains("#[ignore"));
    ignored.map(|file| format!("{}: ignores a test; delete it or make it pass", file.path)).collect()
}

/// Marks of unfinished work, and paths of one machine. They are split here so that this file does not match.
fn leftovers(files: &[File]) -> Vec<String> {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("dbg", "!(")];
    let homes = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.path != "Cargo.lock") {
        for (number, line) in file.text.lines().enumerate() {
            let mark = marks.iter().find(|mark| names(line, mark));
            let home = homes.iter().find(|home| {
                line.match_indices(*home)
                    .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '.'))
            });
            if let Some(found) = mark.or(home) {
                complaints.push(format!("{}:{}: has {found}", file.path, number + 1));
            }
        }
    }
    complaints
}

fn undocumented_modules(files: &[File]) -> Vec<String> {
    let rust = files.iter().filter(|file| file.is_rust() && !file.text.starts_with("// @generated"));
    let mute = rust.filter(|file| !file.text.starts_with("//!"));
    mute.map(|file| format!("{}: does not begin by saying what it is for (//!)", file.path)).collect()
}

fn one_way_migrations(files: &[File]) -> Vec<String> {
    let migrations = files.iter().filter_map(|file| {
        let (folder, name) = file.path.strip_prefix("migrations/")?.rsplit_once('/')?;
        Some((folder, name, file.text.trim()))
    });
    let all: Vec<_> = migrations.collect();
    let is_there = |folder: &str, wanted: &str| {
        all.iter().any(|(f, n, text)| *f == folder && *n == wanted && !text.is_empty())
    };
    let mut complaints = Vec::new();
    for (folder, name, _) in &all {
        if !is_there(folder, "up.sql") || !is_there(folder, "down.sql") {
            complaints.push(format!(
                "migrations/{folder}: {name} is there; up.sql and down.sql have to be, with content"
            ));
        }
    }
    complaints
}

#[test]
fn no_test_sleeps() {
    assert_none(sleeping_tests(&tree::files()));
}

#[test]
fn no_test_is_ignored() {
    assert_none(ignored_tests(&tree::files()));
}

#[test]
fn nothing_unfinished_and_no_path_of_one_machine_is_left() {
    assert_none(leftovers(&tree::files()));
}

#[test]
fn every_module_says_what_it_is_for() {
    assert_none(undocumented_modules(&tree::files()));
}

#[test]
fn every_migration_has_a_way_back() {
    let files = tree::files();
    assert!(files.iter().any(|file| file.path.starts_with("migrations/")), "there are no migrations");
    assert_none(one_way_migrations(&files));
}

#[test]
fn the_checks_see_what_they_look_for() {
    let one = |path: &str, text: &str| [File::sample(path, text)];
    assert_eq!(sleeping_tests(&one("tests/api/x.rs", "tokio::time::sleep(d)")).len(), 1);
    assert_eq!(sleeping_tests(&one("tests/api/x.rs", "// never sleep(d)")).len(), 0);
    assert_eq!(sleeping_tests(&one("tests/support/wait.rs", "sleep(d)")).len(), 0);
    assert_eq!(ignored_tests(&one("crates/x.rs", "#[test]\n#[ignore = \"slow\"]")).len(), 1);
    assert_eq!(leftovers(&one("a.md", concat!("see /ro", "ot/x"))).len(), 1);
    assert_eq!(leftovers(&one("a.md", concat!("src/ro", "ot/x, ../wo", "rk/"))).len(), 0);
    assert_eq!(leftovers(&one("a.rs", concat!("// TO", "DO: later"))).len(), 1);
    assert_eq!(undocumented_modules(&one("a.rs", "use std::fmt;")).len(), 1);
    assert_eq!(undocumented_modules(&one("a.rs", "//! Good.")).len(), 0);
    assert_eq!(one_way_migrations(&one("migrations/1_a/up.sql", "create")).len(), 1);
    let both =
        [File::sample("migrations/1_a/up.sql", "create"), File::sample("migrations/1_a/down.sql", "drop")];
    assert_eq!(one_way_migrations(&both).len(), 0);
}
