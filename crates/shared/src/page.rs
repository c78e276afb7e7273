//! Pages of a list, walked by opaque cursors.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many items a page has when the client does not say.
pub const DEFAULT_LIMIT: u32 = 30;
/// How many items a page has at most.
pub const MAX_LIMIT: u32 = 100;

/// A place in a list. Its text means nothing to a client; it stays valid when the item it was made from is gone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Part of a list, in the list's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Leads to the items after these; null at the end.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub next_cursor: Option<Cursor>,
    /// Leads to the items before these; null at the beginning.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub prev_cursor: Option<Cursor>,
}
