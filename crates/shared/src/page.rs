//! Pages of a list, with opaque cursors.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The number of items on a page unless the client requests another.
pub const DEFAULT_LIMIT: u32 = 30;
/// The maximum number of items on a page.
pub const MAX_LIMIT: u32 = 100;

/// A position in a list. The text is opaque to clients. It stays valid when the item at the position is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A part of a list, in list order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the items after these; null at the end.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub next_cursor: Option<Cursor>,
    /// The cursor of the items before these; null at the beginning.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub prev_cursor: Option<Cursor>,
}
