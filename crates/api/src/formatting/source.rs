//! The preparation of a text for the parser: what CommonMark has beyond Parlance's grammar loses its meaning.

use linkify::LinkKind;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::guards::{GUARD, are_in, hidden};
use super::links;

/// The maximal number of searches for lists. Guarding a list can reveal another, such as in a block of code that was
/// part of it. Texts that need more stay plain.
const MAX_PASSES: usize = 4;

/// The options of the parser.
pub const OPTIONS: Options = Options::ENABLE_STRIKETHROUGH;

/// The text with guards, for the parser. `None` if it cannot be guarded; then it is plain.
pub fn prepare(text: &str) -> Option<String> {
    if are_in(text) {
        return None;
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    guard_numbers(guard_lines(&hide_marks_in_links(&text)))
}

/// Marks within bare links are parts of the address, unless they are escaped. Those at its end may close what began
/// before it.
fn hide_marks_in_links(text: &str) -> String {
    let mut source = String::with_capacity(text.len());
    for span in links::finder().spans(text) {
        let address = match span.kind() {
            Some(LinkKind::Url) => span.as_str().trim_end_matches(['_', '~']),
            _ => "",
        };
        for character in address.chars() {
            source.push(if source.ends_with('\\') { character } else { hidden(character) });
        }
        source.push_str(&span.as_str()[address.len()..]);
    }
    source
}

/// Guards each line whose content begins with `<` or `[`: it begins no HTML block and no definition, of which the reader
/// would see nothing.
fn guard_lines(text: &str) -> String {
    let mut guarded = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (prefix, content) = line.split_at(prefix_length(line));
        guarded.push_str(prefix);
        if content.starts_with(['<', '[']) {
            guarded.push(GUARD);
        }
        guarded.push_str(content);
    }
    guarded
}

/// The length of a line's indentation and marks of quotations and list items.
fn prefix_length(line: &str) -> usize {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let after_digits = rest.trim_start_matches(|character: char| character.is_ascii_digit());
        let after_mark = match rest.strip_prefix('>') {
            Some(quoted) => Some(quoted),
            None if after_digits.len() < rest.len() => {
                after_digits.strip_prefix(['.', ')']).filter(is_spaced)
            }
            None => rest.strip_prefix(['-', '+', '*']).filter(is_spaced),
        };
        match after_mark {
            Some(after) => rest = after,
            None => return line.len() - rest.len(),
        }
    }
}

fn is_spaced(content: &&str) -> bool {
    content.starts_with([' ', '\t'])
}

/// Guards the items of numbered lists that do not begin with 1: "2024. Was a good year" is a sentence.
fn guard_numbers(mut source: String) -> Option<String> {
    for _ in 0..MAX_PASSES {
        let wrong = wrong_numbers(&source);
        if wrong.is_empty() {
            return Some(source);
        }
        let mut guarded = String::with_capacity(source.len() + wrong.len() * GUARD.len_utf8());
        let mut done = 0;
        for number in wrong {
            guarded.push_str(&source[done..number]);
            guarded.push(GUARD);
            done = number;
        }
        guarded.push_str(&source[done..]);
        source = guarded;
    }
    None
}

/// Where the numbers of these items are.
fn wrong_numbers(source: &str) -> Vec<usize> {
    // Most texts have no numbered list. They need not be parsed twice.
    let has_number =
        source.as_bytes().windows(2).any(|pair| pair[0].is_ascii_digit() && matches!(pair[1], b'.' | b')'));
    if !has_number {
        return Vec::new();
    }
    let mut lists = Vec::new();
    let mut wrong = Vec::new();
    for (event, range) in Parser::new_ext(source, OPTIONS).into_offset_iter() {
        match event {
            Event::Start(Tag::List(start)) => lists.push(start.is_some_and(|start| start != 1)),
            Event::End(TagEnd::List(_)) => {
                lists.pop();
            }
            Event::Start(Tag::Item) if lists.last() == Some(&true) => {
                let digit = source[range.clone()].find(|character: char| character.is_ascii_digit());
                wrong.extend(digit.map(|at| range.start + at));
            }
            _ => {}
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::guards::restore;
    use super::*;

    fn shown(text: &str) -> String {
        prepare(text).unwrap().replace(GUARD, "¦")
    }

    #[test]
    fn what_begins_no_block_is_guarded() {
        assert_eq!(shown("<div>\n> - [a]: /b\n1) <p>\n*[a]*"), "¦<div>\n> - ¦[a]: /b\n1) ¦<p>\n*[a]*");
    }

    #[test]
    fn lists_that_do_not_begin_with_1_are_guarded_with_all_their_items() {
        assert_eq!(shown("2. a\n3. b\n\n1. c\n2. d"), "¦2. a\n¦3. b\n\n¦1. c\n¦2. d");
        assert_eq!(shown("1. a\n   7) b\n3. c"), "1. a\n   7) b\n3. c");
        assert_eq!(shown("1. a\n\n   7) b\n2. c"), "1. a\n\n   ¦7) b\n2. c");
    }

    #[test]
    fn the_guards_leave_no_trace() {
        let text = "[x] https://e.com/_a_~b~*c* _d_\n2. <y>";
        assert_eq!(restore(&prepare(text).unwrap()), text);
    }
}
