//! Formatted text without its marks: for quotes, notifications and screen readers. Spoilers stay hidden.

use crate::formatting::{Block, EXCERPT_LENGTH, Element, Inline};

/// Stands for a spoiler, of whatever length it is.
const MASK: &str = "▒▒▒";

/// The beginning of a text, on one line.
pub fn excerpt(text: &str) -> String {
    one_line(text).chars().take(EXCERPT_LENGTH).collect()
}

/// The text as one line: each run of white space is one space.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a tree says, each block on a line of its own.
pub fn plain_text(blocks: &[Block]) -> String {
    let mut text = String::new();
    add_blocks(&mut text, blocks);
    text
}

/// What a part of a paragraph says.
pub fn inline_text(inlines: &[Inline]) -> String {
    let mut text = String::new();
    add_inlines(&mut text, inlines);
    text
}

fn add_blocks(text: &mut String, blocks: &[Block]) {
    for block in blocks {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        match block {
            Block::P { c } | Block::H { c, .. } => add_inlines(text, c),
            Block::Pre { text: code, .. } => text.push_str(code),
            Block::Quote { c } => add_blocks(text, c),
            Block::Ul { c } | Block::Ol { c, .. } => c.iter().for_each(|item| add_blocks(text, item)),
            Block::Unknown => {}
        }
    }
}

fn add_inlines(text: &mut String, inlines: &[Inline]) {
    for inline in inlines {
        let element = match inline {
            Inline::Text(plain) => {
                text.push_str(plain);
                continue;
            }
            Inline::Element(element) => element,
        };
        match element {
            Element::B { c } | Element::I { c } | Element::S { c } | Element::A { c, .. } => {
                add_inlines(text, c);
            }
            Element::Code { text: plain }
            | Element::User { text: plain, .. }
            | Element::Room { text: plain, .. } => text.push_str(plain),
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
        assert_eq!(excerpt(" a \n\n\tb\u{3000}c "), "a b c");
        assert_eq!(excerpt(&"é".repeat(200)), "é".repeat(140));
    }
}
