//! The formatted text of a message: a tree, which the server parses and clients draw.

use serde::{Deserialize, Serialize};

use crate::ids::{RoomId, UserId};

/// The deepest nesting of blocks and inline elements.
pub const MAX_NESTING: usize = 16;
/// The maximal number of nodes of a tree.
pub const MAX_NODES: usize = 2_000;
/// The maximal number of links of a tree.
pub const MAX_LINKS: usize = 50;
/// The maximal number of mentions of a tree.
pub const MAX_MENTIONS: usize = 50;
/// The maximal size of a tree as JSON, in bytes.
pub const MAX_BODY_BYTES: usize = 16 * 1024;
/// The maximal length of an excerpt, in characters.
pub const EXCERPT_LENGTH: usize = 140;

/// A block of formatted text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Block {
    /// A paragraph.
    P {
        /// The content.
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        c: Vec<Inline>,
    },
    /// A heading.
    H {
        /// The level, from 1 to 3.
        #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 3))]
        l: u8,
        /// The content.
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        c: Vec<Inline>,
    },
    /// A fenced block of code.
    Pre {
        /// The language that the author named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(nullable = false))]
        lang: Option<String>,
        /// The code.
        text: String,
    },
    /// A quotation.
    Quote {
        /// The content.
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        c: Vec<Block>,
    },
    /// A list.
    Ul {
        /// The items.
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        c: Vec<Vec<Block>>,
    },
    /// A numbered list.
    Ol {
        /// The number of the first item.
        start: u32,
        /// The items.
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        c: Vec<Vec<Block>>,
    },
    /// A block that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A part of a paragraph or heading: plain text, or an element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Inline {
    /// Plain text.
    Text(String),
    /// An element.
    Element(Element),
}

/// An inline element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Element {
    /// Bold.
    B {
        /// The content.
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        c: Vec<Inline>,
    },
    /// Italic.
    I {
        /// The content.
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        c: Vec<Inline>,
    },
    /// Struck through.
    S {
        /// The content.
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        c: Vec<Inline>,
    },
    /// Code.
    Code {
        /// The code.
        text: String,
    },
    /// A link.
    A {
        /// An `http`, `https` or `mailto` URL without user information.
        href: String,
        /// The content.
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        c: Vec<Inline>,
    },
    /// A line break.
    Br,
    /// Text that is shown on demand.
    Spoiler {
        /// The content.
        #[cfg_attr(feature = "openapi", schema(no_recursion))]
        c: Vec<Inline>,
    },
    /// A mention of a member.
    User {
        /// The member.
        id: UserId,
        /// The mention as the author wrote it, with the `@`.
        text: String,
    },
    /// A link to a public room.
    Room {
        /// The room.
        id: RoomId,
        /// The name as the author wrote it, with the `#`.
        text: String,
    },
    /// A mention of all members.
    Everyone,
    /// An element that this version does not know.
    #[serde(other)]
    Unknown,
}
