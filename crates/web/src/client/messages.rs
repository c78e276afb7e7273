//! Requests about messages.

use shared::ids::{MessageId, Rev, RoomId, Seq};
use shared::messages::{
    Changes, CreateMessage, MessageAnswer, MessagePage, MessagePreview, PreviewMessage, UpdateMessage,
    changes_path, message_path, messages_path,
};
use shared::page::Cursor;

use crate::client::{self, ClientError};

/// Which page of a room's messages.
#[derive(Clone, Debug)]
pub enum Slice {
    /// The newest ones.
    Newest,
    /// The last message alone.
    Last,
    /// Those before a place.
    Before(Cursor),
    /// Those after a place.
    After(Cursor),
    /// Those around a message.
    Around(MessageId),
    /// A whole page on both sides of a message.
    Beside(MessageId),
    /// The last ones of a thread, or those before a place in it.
    Thread(MessageId, Option<Cursor>),
    /// Those around the message of this number.
    AroundSeq(Seq),
}

/// A page of messages, oldest to newest.
pub async fn list(room_id: RoomId, slice: Slice) -> Result<MessagePage, ClientError> {
    let query = match slice {
        Slice::Newest => String::new(),
        Slice::Last => "?limit=1".to_owned(),
        Slice::Before(cursor) => format!("?before={cursor}"),
        Slice::After(cursor) => format!("?after={cursor}"),
        Slice::Around(id) => format!("?around={id}"),
        Slice::Beside(id) => format!("?around={id}&limit=60"),
        Slice::Thread(root, None) => format!("?thread={root}"),
        Slice::Thread(root, Some(cursor)) => format!("?thread={root}&before={cursor}"),
        Slice::AroundSeq(seq) => format!("?around={seq}"),
    };
    client::get(&format!("{}{query}", messages_path(room_id))).await
}

/// Sends a message, or the same one again.
pub async fn create(room_id: RoomId, create: &CreateMessage) -> Result<MessageAnswer, ClientError> {
    client::post(&messages_path(room_id), create).await
}

/// How a text will look.
pub async fn preview(room_id: RoomId, preview: &PreviewMessage) -> Result<MessagePreview, ClientError> {
    client::post(&format!("{}/preview", messages_path(room_id)), preview).await
}

/// Edits a message.
pub async fn update(
    room_id: RoomId,
    id: MessageId,
    update: &UpdateMessage,
) -> Result<MessageAnswer, ClientError> {
    client::patch(&message_path(room_id, id), update).await
}

/// Deletes a message.
pub async fn delete(room_id: RoomId, id: MessageId) -> Result<(), ClientError> {
    client::delete(&message_path(room_id, id)).await
}

/// What changed after `since`.
pub async fn changes(room_id: RoomId, since: Rev) -> Result<Changes, ClientError> {
    client::get(&format!("{}?since={since}", changes_path(room_id))).await
}
