//! Permissions: the only place that decides who may change what.

use shared::ids::UserId;
use shared::messages::Message;
use shared::rooms::Room;

/// Only the author may edit a message.
pub fn may_edit_message(user: UserId, message: &Message) -> bool {
    message.author.id == user
}

/// The author and the creator of the room may delete a message.
pub fn may_delete_message(user: UserId, message: &Message, room: &Room) -> bool {
    message.author.id == user || may_change_room(user, room)
}

/// Only the creator may rename or delete a room. Nobody may change a room that the server created.
pub fn may_change_room(user: UserId, room: &Room) -> bool {
    room.created_by == Some(user)
}
