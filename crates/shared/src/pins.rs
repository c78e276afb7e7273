//! Pinned messages of a room.

use crate::ids::{MessageId, RoomId};
use crate::rooms::room_path;

/// The maximal number of pinned messages of a room.
pub const MAX_PINS: usize = 50;

/// The URL path of a room's pinned messages.
pub fn pins_path(room_id: RoomId) -> String {
    format!("{}/pins", room_path(room_id))
}

/// The URL path of the pin of a message.
pub fn pin_path(room_id: RoomId, message_id: MessageId) -> String {
    format!("{}/{message_id}", pins_path(room_id))
}
