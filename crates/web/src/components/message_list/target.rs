//! Where the list scrolls to.

use shared::ids::MessageId;

/// Where the list scrolls to, when it opens or is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScrollTarget {
    /// The newest message, or the first unread message if that is above the view.
    Newest,
    /// This message.
    Message(MessageId),
}
