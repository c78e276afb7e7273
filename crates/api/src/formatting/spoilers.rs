//! Spoilers: what stands between two `||` of the same parent.

use shared::formatting::{Element, Inline};

use super::guards::GUARD;

const MARK: &str = "||";

/// The content with its spoilers. Marks without a partner, and those with nothing between, stay text.
pub fn find(content: Vec<Inline>) -> Vec<Inline> {
    let has_mark = |inline: &Inline| matches!(inline, Inline::Text(text) if text.contains(MARK));
    if !content.iter().any(has_mark) {
        return content;
    }
    let mut found = Vec::new();
    // Where the content of a spoiler begins.
    let mut opened: Option<usize> = None;
    for inline in content {
        let Inline::Text(text) = inline else {
            found.push(inline);
            continue;
        };
        for (index, piece) in split(&text).into_iter().enumerate() {
            if index > 0 {
                opened = Some(match opened {
                    Some(start) if found[start..].iter().any(is_visible) => {
                        let c = found.split_off(start);
                        found.push(Inline::Element(Element::Spoiler { c }));
                        opened = None;
                        found.push(Inline::Text(piece.to_owned()));
                        continue;
                    }
                    Some(start) => {
                        found.insert(start, Inline::Text(MARK.to_owned()));
                        found.len()
                    }
                    None => found.len(),
                });
            }
            found.push(Inline::Text(piece.to_owned()));
        }
    }
    if let Some(start) = opened {
        found.insert(start, Inline::Text(MARK.to_owned()));
    }
    found
}

/// The pieces of a text between its marks. An escaped bar is part of no mark.
fn split(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut from) = (0, 0);
    while let Some(at) = text[from..].find(MARK).map(|at| from + at) {
        if text[..at].ends_with(GUARD) {
            from = at + 1;
        } else {
            pieces.push(&text[start..at]);
            start = at + MARK.len();
            from = start;
        }
    }
    pieces.push(&text[start..]);
    pieces
}

fn is_visible(inline: &Inline) -> bool {
    match inline {
        Inline::Text(text) => {
            text.contains(|character: char| !character.is_whitespace() && character != GUARD)
        }
        Inline::Element(element) => *element != Element::Br,
    }
}
