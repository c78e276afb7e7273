//! The text files of the project, and a minimal lexer that separates Rust code from comments.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project.
pub struct File {
    /// From the project's root, with `/`.
    pub path: String,
    /// The contents.
    pub text: String,
}

impl File {
    /// A sample for testing a check.
    pub fn sample(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether it is a Rust source.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it lies under one of these paths.
    pub fn is_under(&self, paths: &[&str]) -> bool {
        paths.iter().any(|path| self.path.starts_with(path))
    }
}

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All text files of the project, sorted by path. Build outputs are excluded.
pub fn files() -> Vec<File> {
    let mut files = Vec::new();
    collect(&root(), "", &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(files.iter().any(|file| file.path == "Cargo.toml"), "the project's root is not where it was");
    files
}

/// The text of a file that must exist.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn collect(directory: &Path, prefix: &str, files: &mut Vec<File>) {
    for entry in fs::read_dir(directory).expect("the directory was just listed") {
        let entry = entry.expect("the directory stays while it is read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().expect("the entry stays while it is read");
        let hidden = name.starts_with('.') && ![".ci", ".github", ".cargo"].contains(&name.as_str());
        if kind.is_dir() {
            if !hidden && !["target", "dist", "data", "node_modules"].contains(&name.as_str()) {
                collect(&entry.path(), &format!("{path}/"), files);
            }
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            files.push(File { path, text });
        }
    }
}

/// Rust code without comments, with its line breaks.
pub fn code(rust: &str) -> String {
    let mut code = String::with_capacity(rust.len());
    let mut rest = rust;
    while let Some(character) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        }
        let length = if rest.starts_with("/*") {
            let length = rest.find("*/").map_or(rest.len(), |end| end + 2);
            code.extend(rest[..length].chars().filter(|&character| character == '\n'));
            rest = &rest[length..];
            continue;
        } else if rest.starts_with("'\"'") {
            3
        } else if rest.starts_with("r#\"") {
            rest.find("\"#").map_or(rest.len(), |end| end + 2)
        } else if character == '"' {
            string_length(rest)
        } else {
            character.len_utf8()
        };
        code.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    code
}

/// The length of the string literal that `rest` begins with.
fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (index, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Whether `line` contains a path or an identifier that begins with `word`.
pub fn names(line: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(index, _)| !line[..index].ends_with(is_part))
}

#[test]
fn comments_are_no_code_and_strings_are() {
    let rust = "let a = \"http://x \\\" // y\"; // diesel\n/* actix\n */ let q = '\"'; // leptos\nr#\"// \"kept\" \"#";
    assert_eq!(code(rust), "let a = \"http://x \\\" // y\"; \n\n let q = '\"'; \nr#\"// \"kept\" \"#");
}

#[test]
fn a_word_is_found_at_the_beginning_of_an_identifier() {
    assert!(names("use diesel_migrations::embed;", "diesel"));
    assert!(names("x(gloo_net::http::Request)", "gloo_net::http"));
    assert!(!names("let undiesel = 1;", "diesel"));
    assert!(!names("option_env!(\"X\")", "env!"));
}
