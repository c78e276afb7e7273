//! What is found in the plain text of a tree: spoilers, bare links and mentions.

use shared::formatting::{Block, Element, Inline};

use super::guards::restore;
use super::links::{self, Part};
use super::spoilers;

/// What finds mentions: it gets a piece of text and the character before it, and returns the text with its mentions.
pub type Mentions<'call> = &'call mut dyn FnMut(&str, Option<char>) -> Vec<Inline>;

/// The tree with spoilers, bare links and mentions, without guards. Neighbouring pieces of text are one, and none is empty.
pub fn decorate(blocks: Vec<Block>, mentions: Mentions) -> Vec<Block> {
    blocks.into_iter().map(|block| decorate_block(block, mentions)).collect()
}

fn decorate_block(block: Block, mentions: Mentions) -> Block {
    let mut items = |items: Vec<Vec<Block>>| items.into_iter().map(|item| decorate(item, mentions)).collect();
    match block {
        Block::Ul { c } => Block::Ul { c: items(c) },
        Block::Ol { start, c } => Block::Ol { start, c: items(c) },
        Block::P { c } => Block::P { c: decorate_content(c, mentions) },
        Block::H { l, c } => Block::H { l, c: decorate_content(c, mentions) },
        Block::Quote { c } => Block::Quote { c: decorate(c, mentions) },
        Block::Pre { .. } | Block::Unknown => block,
    }
}

fn decorate_content(content: Vec<Inline>, mentions: Mentions) -> Vec<Inline> {
    let mut decorated = Vec::new();
    for inline in spoilers::find(merged(content)) {
        match inline {
            Inline::Text(text) => decorated.extend(decorate_text(&text, mentions)),
            Inline::Element(element) => decorated.push(Inline::Element(match element {
                Element::B { c } => Element::B { c: decorate_content(c, mentions) },
                Element::I { c } => Element::I { c: decorate_content(c, mentions) },
                Element::S { c } => Element::S { c: decorate_content(c, mentions) },
                Element::Spoiler { c } => Element::Spoiler { c: decorate_content(c, mentions) },
                Element::A { href, c } => Element::A { href, c: restored(c) },
                other => other,
            })),
        }
    }
    merged(decorated)
}

fn decorate_text(text: &str, mentions: Mentions) -> Vec<Inline> {
    let mut decorated = Vec::new();
    let mut before = None;
    for part in links::parts(text) {
        let part = match part {
            Part::Text(text) => {
                decorated.extend(mentions(text, before));
                text
            }
            Part::Link(text, href) => {
                let c = vec![Inline::Text(restore(text))];
                decorated.push(Inline::Element(Element::A { href, c }));
                text
            }
        };
        before = part.chars().next_back();
    }
    decorated
}

/// The content of a link without guards.
fn restored(content: Vec<Inline>) -> Vec<Inline> {
    let restored = content.into_iter().map(|inline| match inline {
        Inline::Text(text) => Inline::Text(restore(&text)),
        Inline::Element(Element::B { c }) => Inline::Element(Element::B { c: restored(c) }),
        Inline::Element(Element::I { c }) => Inline::Element(Element::I { c: restored(c) }),
        Inline::Element(Element::S { c }) => Inline::Element(Element::S { c: restored(c) }),
        other => other,
    });
    merged(restored.collect())
}

/// The content with neighbouring pieces of text as one.
fn merged(content: Vec<Inline>) -> Vec<Inline> {
    let mut merged: Vec<Inline> = Vec::with_capacity(content.len());
    for inline in content {
        match (merged.last_mut(), inline) {
            (_, Inline::Text(text)) if text.is_empty() => {}
            (Some(Inline::Text(last)), Inline::Text(text)) => last.push_str(&text),
            (_, inline) => merged.push(inline),
        }
    }
    merged
}
