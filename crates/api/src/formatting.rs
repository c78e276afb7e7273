//! Placeholder.

use shared::ids::UserId;

/// The formatted text of a message.
#[derive(Clone, Debug, Default)]
pub struct Formatted {
    /// The tree.
    pub body: Option<String>,
    /// The excerpt.
    pub excerpt: Option<String>,
    /// The mentions.
    pub mentions: Vec<UserId>,
    /// Everybody.
    pub everyone: bool,
}

/// Placeholder.
pub fn excerpt_of_plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(140).collect()
}
