//! The limits of a tree. They are counts alone, so that the same text always has the same tree.

use shared::formatting::{
    Block, Element, Inline, MAX_BODY_BYTES, MAX_LINKS, MAX_MENTIONS, MAX_NESTING, MAX_NODES,
};

/// Whether the tree keeps all limits but that of its size. Links to rooms count as links.
pub fn keeps(blocks: &[Block]) -> bool {
    let mut counts = Counts::default();
    counts.blocks(blocks, 1);
    counts.nesting <= MAX_NESTING
        && counts.nodes <= MAX_NODES
        && counts.links <= MAX_LINKS
        && counts.mentions <= MAX_MENTIONS
}

/// The tree as JSON; `None` if it is too large.
pub fn json(blocks: &[Block]) -> Option<String> {
    // Trees have no maps, and nothing else that JSON cannot express.
    serde_json::to_string(blocks).ok().filter(|json| json.len() <= MAX_BODY_BYTES)
}

#[derive(Default)]
struct Counts {
    nesting: usize,
    nodes: usize,
    links: usize,
    mentions: usize,
}

impl Counts {
    fn blocks(&mut self, blocks: &[Block], depth: usize) {
        for block in blocks {
            self.node(depth);
            match block {
                Block::P { c } | Block::H { c, .. } => self.content(c, depth + 1),
                Block::Quote { c } => self.blocks(c, depth + 1),
                Block::Ul { c } | Block::Ol { c, .. } => {
                    c.iter().for_each(|item| self.blocks(item, depth + 1));
                }
                Block::Pre { .. } | Block::Unknown => {}
            }
        }
    }

    fn content(&mut self, content: &[Inline], depth: usize) {
        for inline in content {
            match inline {
                Inline::Text(_) => self.nodes += 1,
                Inline::Element(element) => self.element(element, depth),
            }
        }
    }

    /// Counts an element. Only those that hold others nest.
    fn element(&mut self, element: &Element, depth: usize) {
        match element {
            Element::B { c } | Element::I { c } | Element::S { c } | Element::Spoiler { c } => {
                self.node(depth);
                self.content(c, depth + 1);
            }
            Element::A { c, .. } => {
                self.links += 1;
                self.node(depth);
                self.content(c, depth + 1);
            }
            Element::Room { .. } => {
                self.links += 1;
                self.nodes += 1;
            }
            Element::User { .. } | Element::Everyone => {
                self.mentions += 1;
                self.nodes += 1;
            }
            Element::Code { .. } | Element::Br | Element::Unknown => self.nodes += 1,
        }
    }

    fn node(&mut self, depth: usize) {
        self.nodes += 1;
        self.nesting = self.nesting.max(depth);
    }
}
