//! Where the list scrolls to.

use shared::ids::MessageId;

/// Where the list scrolls to, when it opens or is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScrollTarget {
    /// The newest message.
    Newest,
    /// The newest message, or the first unread message if that is above the view.
    Unread,
    /// This message.
    Message(MessageId),
    /// Where this message was the first in the view.
    Place(MessageId),
}

impl ScrollTarget {
    /// Where a room opens. `pointed` is the message that the URL points at.
    pub fn opening(pointed: Option<MessageId>) -> Self {
        pointed.map_or(Self::Unread, Self::Message)
    }
}
