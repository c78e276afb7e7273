//! Characters that take the meaning from others while a text is parsed. Unicode reserves them for internal use; they begin
//! nothing and mean nothing to the parser.

/// What follows it is only text. It stands before what must not begin a block, and in the tree before what the author
/// escaped.
pub const GUARD: char = '\u{FDD0}';

/// Marks that mean nothing where they stand, such as the `_` of `https://e.com/__init__.py`, and what stands for them.
const HIDDEN: [(char, char); 3] = [('_', '\u{FDD1}'), ('*', '\u{FDD2}'), ('~', '\u{FDD3}')];

/// Whether a text has these characters. Then they cannot be used.
pub fn are_in(text: &str) -> bool {
    text.chars().any(|character| shown(character) != Some(character))
}

/// What stands for a character that shall be no mark.
pub fn hidden(character: char) -> char {
    HIDDEN.iter().find(|(mark, _)| *mark == character).map_or(character, |(_, hidden)| *hidden)
}

/// The text as the author wrote it, without guards.
pub fn restore(text: &str) -> String {
    text.chars().filter_map(shown).collect()
}

fn shown(character: char) -> Option<char> {
    let mark = || HIDDEN.iter().find(|(_, hidden)| *hidden == character).map(|(mark, _)| *mark);
    (character != GUARD).then(|| mark().unwrap_or(character))
}
