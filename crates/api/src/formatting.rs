//! The formatting of messages: the text that people write becomes the tree that clients draw.
//!
//! The caller asks for the [`candidates`] of a text, looks their names up, and hands what it found to [`format`].
//! Everything here is a function of its arguments alone, without I/O.
//!
//! The steps: [`source`] prepares the text so that [`tree`] meets only what Parlance knows of CommonMark; [`inline`]
//! finds spoilers, bare links and mentions in the plain text of that tree; [`limits`] looks at the result.
//! Whatever is no known mark stays text: of what people write, only marks, and the addresses and titles of links, are not
//! shown.

pub mod guards;
pub mod inline;
pub mod limits;
pub mod links;
pub mod mentions;
pub mod source;
pub mod spoilers;
pub mod tree;

#[cfg(test)]
mod cases;
#[cfg(test)]
mod properties;

use shared::excerpts::{excerpt, one_line, plain_text};
use shared::formatting::{Block, Element, Inline};
use shared::ids::UserId;

use self::mentions::{Candidates, Finder, Names, Resolver};

/// A formatted text. Of a plain text, everything is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formatted {
    /// The tree as JSON, as it is stored and sent. Absent if the text says the same.
    pub body: Option<String>,
    /// The beginning of what the tree shows; absent together with it: then
    /// [`excerpt`] of the text is the excerpt.
    pub excerpt: Option<String>,
    /// The members who are mentioned, in order, each once, without the author.
    pub mentions: Vec<UserId>,
    /// Whether all members are mentioned.
    pub everyone: bool,
}

/// The names that `text` could mention.
pub fn candidates(text: &str) -> Candidates {
    let mut finder = Finder::default();
    if Finder::may_find(text)
        && let Some(blocks) = parse(text)
    {
        inline::decorate(blocks, &mut |text, before| {
            finder.look(text, before);
            Vec::new()
        });
    }
    finder.finish()
}

/// The tree of `text`. `names` holds what the lookup of its [`candidates`] found.
pub fn format(text: &str, names: &Names) -> Formatted {
    let Some(blocks) = parse(text) else { return Formatted::default() };
    let mut resolver = Resolver::new(names);
    let blocks = inline::decorate(blocks, &mut |text, before| resolver.resolve(text, before));
    let shown = one_line(&plain_text(&blocks));
    if shown.is_empty() || (is_plain(&blocks) && shown == one_line(text)) || !limits::keeps(&blocks) {
        return Formatted::default();
    }
    let Some(body) = limits::json(&blocks) else { return Formatted::default() };
    let (mentions, everyone) = resolver.finish();
    Formatted { body: Some(body), excerpt: Some(excerpt(&shown)), mentions, everyone }
}

/// The tree without spoilers, bare links and mentions; `None` if it would be too deep.
fn parse(text: &str) -> Option<Vec<Block>> {
    tree::parse(&source::prepare(text)?)
}

/// Whether the tree is one paragraph without marks. Escapes and entities leave no mark, but change the text.
fn is_plain(blocks: &[Block]) -> bool {
    let is_text = |inline: &Inline| matches!(inline, Inline::Text(_) | Inline::Element(Element::Br));
    matches!(blocks, [Block::P { c }] if c.iter().all(is_text))
}
