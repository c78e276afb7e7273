//! Who may do what: the one place that decides, for every path.

use shared::ids::UserId;
use shared::messages::Message;
use shared::rooms::Room;

/// Only the author edits a message.
pub fn may_edit_message(user: UserId, message: &Message) -> bool {
    message.author.id == user
}

/// The author deletes a message, and so may the room's creator.
pub fn may_delete_message(user: UserId, message: &Message, room: &Room) -> bool {
    message.author.id == user || may_change_room(user, room)
}

/// The creator renames and deletes a room. The rooms of the server itself are nobody's.
pub fn may_change_room(user: UserId, room: &Room) -> bool {
    room.created_by == Some(user)
}
