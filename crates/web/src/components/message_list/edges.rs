//! What lies beyond the loaded messages.

/// Whether there are older and newer messages than the loaded ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListEdges {
    /// Whether the first page has arrived. Before that, the rest is unknown.
    pub loaded: bool,
    /// Whether there are older messages.
    pub older: bool,
    /// Whether there are newer messages.
    pub newer: bool,
    /// Whether a page is loading.
    pub loading: bool,
}
