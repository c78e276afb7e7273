//! The tests must name every error code, event and close code of the protocol, and every point of the reference
//! behaviour.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::tree::{self, File, names};

/// The variant for values of later versions. It is tested next to its definition.
const FOR_LATER_VERSIONS: &str = "Unknown";

/// Directories of `tests/` without tests of behaviour.
const NO_TESTS: &[&str] = &["tests/tidy/", "tests/support/"];

/// The variants of an enum in a source, in order.
fn variants(rust: &str, name: &str) -> Vec<String> {
    let Some((_, rest)) = rust.split_once(&format!("pub enum {name} {{")) else { return Vec::new() };
    let body = rest.split("\n}").next().unwrap_or(rest);
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let variants = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()));
    variants.map(|line| line.chars().take_while(char::is_ascii_alphanumeric).collect()).collect()
}

/// `MessageCreated` as `message_created`.
fn snake_case(variant: &str) -> String {
    let mut snake = String::new();
    for character in variant.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// The variants that no test names, neither as `Enum::Variant` nor as in the wire format.
fn unnamed(
    tests: &[&File],
    enumeration: &str,
    variants: &[String],
    on_wire: impl Fn(&str) -> String,
) -> Vec<String> {
    let is_named = |variant: &str| {
        let (path, wire) = (format!("{enumeration}::{variant}"), on_wire(variant));
        tests.iter().any(|file| {
            let text = tree::code(&file.text);
            names_whole(&text, &path) || names_whole(&text, &wire)
        })
    };
    let missing = variants.iter().filter(|variant| *variant != FOR_LATER_VERSIONS && !is_named(variant));
    missing.map(|variant| format!("no test under tests/ names {enumeration}::{variant}")).collect()
}

/// Whether `text` contains `word` as a whole word.
fn names_whole(text: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word).any(|(index, _)| {
        !text[..index].ends_with(is_part) && !text[index + word.len()..].starts_with(is_part)
    })
}

fn behaviour_tests(files: &[File]) -> Vec<&File> {
    files
        .iter()
        .filter(|file| file.is_rust() && file.is_under(&["tests/"]) && !file.is_under(NO_TESTS))
        .collect()
}

/// The ids in the list of the reference behaviour.
fn listed_ids(markdown: &str) -> BTreeSet<&str> {
    markdown
        .lines()
        .filter_map(|line| line.strip_prefix("- `")?.split_once("`: ").map(|(id, _)| id))
        .collect()
}

/// The ids that a test carries.
fn carried_ids(rust: &str) -> impl Iterator<Item = &str> {
    let comments = rust.lines().filter_map(|line| line.trim().strip_prefix("// reference: "));
    comments.flat_map(|ids| ids.split(',').map(str::trim))
}

/// The listed ids that no test carries, and the carried ids that are not listed.
fn reference_gaps(markdown: &str, tests: &[&File]) -> Vec<String> {
    let listed = listed_ids(markdown);
    let carried: BTreeSet<&str> = tests.iter().flat_map(|file| carried_ids(&file.text)).collect();
    let missing = listed.difference(&carried).map(|id| format!("no test carries `// reference: {id}`"));
    let unknown = carried.difference(&listed).map(|id| format!("tests/reference.md does not list {id}"));
    missing.chain(unknown).collect()
}

#[test]
fn every_error_code_is_named_in_a_test() {
    let files = tree::files();
    let codes = variants(&tree::read("crates/shared/src/errors.rs"), "ErrorCode");
    assert!(codes.contains(&"Internal".to_owned()), "the codes were not understood: {codes:?}");
    assert_none(unnamed(&behaviour_tests(&files), "ErrorCode", &codes, |code| {
        format!("\"{}\"", snake_case(code))
    }));
}

#[test]
fn every_event_is_named_in_a_test() {
    let files = tree::files();
    let events = variants(&tree::read("crates/shared/src/events.rs"), "ServerEvent");
    assert!(events.contains(&"Hello".to_owned()), "the events were not understood: {events:?}");
    let on_wire = |event: &str| format!("\"{}\"", snake_case(event));
    assert_none(unnamed(&behaviour_tests(&files), "ServerEvent", &events, on_wire));
}

#[test]
fn every_close_code_is_named_in_a_test() {
    let files = tree::files();
    let source = tree::read("crates/shared/src/events.rs");
    let codes = variants(&source, "CloseCode");
    assert!(codes.contains(&"Restart".to_owned()), "the close codes were not understood: {codes:?}");
    let number = |code: &str| {
        let arm = source.split_once(&format!("Self::{code} => ")).map(|(_, rest)| rest);
        arm.map_or_else(String::new, |rest| rest.chars().take_while(char::is_ascii_digit).collect())
    };
    assert!(codes.iter().all(|code| number(code).len() == 4), "the numbers were not understood");
    assert_none(unnamed(&behaviour_tests(&files), "CloseCode", &codes, number));
}

#[test]
fn every_point_of_the_reference_is_shown_by_a_test() {
    let (files, markdown) = (tree::files(), tree::read("tests/reference.md"));
    assert!(listed_ids(&markdown).len() > 20, "the list was not understood");
    assert_none(reference_gaps(&markdown, &behaviour_tests(&files)));
}

#[test]
fn unnamed_variants_are_seen() {
    let rust = "pub enum Other {\n    A,\n}\npub enum E {\n    /// One.\n    OneTwo,\n    Three {\n        Field: u8,\n    },\n    \
        Four(u8),\n    #[serde(other)]\n    Unknown,\n}\n";
    let found = variants(rust, "E");
    assert_eq!(found, ["OneTwo", "Three", "Four", "Unknown"]);
    let test = File::sample("tests/api/x.rs", "f(\"one_two\"); // E::Three\nE::Fourth;");
    let complaints = unnamed(&[&test], "E", &found, |variant| format!("\"{}\"", snake_case(variant)));
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(names(&complaints[0], "E::Three") && names(&complaints[1], "E::Four"), "{complaints:?}");
}

#[test]
fn gaps_to_the_reference_are_seen() {
    let markdown = "# A\n- `a-b`: one.\n- `c`: two.\n- not listed `d`\n";
    let test = File::sample("tests/api/x.rs", "// reference: c, e\n#[test]\nfn f() {}");
    let gaps = reference_gaps(markdown, &[&test]);
    assert_eq!(gaps, ["no test carries `// reference: a-b`", "tests/reference.md does not list e"]);
}
