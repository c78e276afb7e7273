//! Excerpts: the beginning of a message as plain text on one line, for quotes and notifications.

use shared::formatting::{Block, EXCERPT_LENGTH, Element, Inline};

/// What stands for a spoiler, of whatever length it is.
const MASK: &str = "▒▒▒";

/// The excerpt of a text without a tree.
pub fn excerpt_of_plain(text: &str) -> String {
    beginning(&collapsed(text))
}

/// What an excerpt has of a line.
pub fn beginning(line: &str) -> String {
    line.chars().take(EXCERPT_LENGTH).collect()
}

/// The text as one line: each run of white space is one space.
pub fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a tree shows, as one line, with its spoilers masked.
pub fn shown(blocks: &[Block]) -> String {
    let mut text = String::new();
    show_blocks(blocks, &mut text);
    collapsed(&text)
}

fn show_blocks(blocks: &[Block], text: &mut String) {
    for block in blocks {
        match block {
            Block::P { c } | Block::H { c, .. } => show_content(c, text),
            Block::Pre { text: code, .. } => text.push_str(code),
            Block::Quote { c } => show_blocks(c, text),
            Block::Ul { c } | Block::Ol { c, .. } => c.iter().for_each(|item| show_blocks(item, text)),
            Block::Unknown => {}
        }
        text.push('\n');
    }
}

fn show_content(content: &[Inline], text: &mut String) {
    for inline in content {
        let element = match inline {
            Inline::Text(plain) => {
                text.push_str(plain);
                continue;
            }
            Inline::Element(element) => element,
        };
        match element {
            Element::B { c } | Element::I { c } | Element::S { c } | Element::A { c, .. } => {
                show_content(c, text)
            }
            Element::Code { text: written }
            | Element::User { text: written, .. }
            | Element::Room { text: written, .. } => text.push_str(written),
            Element::Br => text.push('\n'),
            Element::Spoiler { .. } => text.push_str(MASK),
            Element::Everyone => text.push_str("@everyone"),
            Element::Unknown => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_line_of_limited_length() {
        assert_eq!(excerpt_of_plain(" a \n\n\tb\u{3000}c "), "a b c");
        assert_eq!(excerpt_of_plain(&"é".repeat(200)), "é".repeat(140));
    }
}
