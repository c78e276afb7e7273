//! Requests about pinned messages, and about former texts of messages.

use gloo_net::http::Method;
use shared::edits::{Edit, edits_path};
use shared::ids::{MessageId, RoomId};
use shared::messages::{MessageAnswer, MessagePage};
use shared::page::Page;
use shared::pins::{pin_path, pins_path};

use crate::client::{self, ClientError};

/// The pinned messages of a room, newest pin first.
pub async fn list(room_id: RoomId) -> Result<MessagePage, ClientError> {
    client::get(&pins_path(room_id)).await
}

/// Pins a message, or unpins it.
pub async fn put(room_id: RoomId, id: MessageId, is_pinned: bool) -> Result<MessageAnswer, ClientError> {
    let method = if is_pinned { Method::PUT } else { Method::DELETE };
    client::decode(&client::send(method, &pin_path(room_id, id), None).await?)
}

/// The former texts of a message, newest first.
pub async fn list_edits(room_id: RoomId, id: MessageId) -> Result<Page<Edit>, ClientError> {
    client::get(&edits_path(room_id, id)).await
}

/// Deletes the former texts of a message.
pub async fn delete_edits(room_id: RoomId, id: MessageId) -> Result<(), ClientError> {
    client::delete(&edits_path(room_id, id)).await
}
