//! Requests about reactions.

use gloo_net::http::Method;
use shared::ids::{MessageId, RoomId};
use shared::messages::MessageAnswer;
use shared::page::Page;
use shared::reactions::reaction_path;
use shared::users::User;

use crate::client::{self, ClientError};

/// Reacts to a message, or takes the reaction back.
pub async fn put(
    room_id: RoomId,
    id: MessageId,
    emoji: &str,
    is_wanted: bool,
) -> Result<MessageAnswer, ClientError> {
    let method = if is_wanted { Method::PUT } else { Method::DELETE };
    client::decode(&client::send(method, &path(room_id, id, emoji), None).await?)
}

/// Who reacted so.
pub async fn list(room_id: RoomId, id: MessageId, emoji: &str) -> Result<Page<User>, ClientError> {
    client::get(&client::page_path(&path(room_id, id, emoji), None)).await
}

fn path(room_id: RoomId, id: MessageId, emoji: &str) -> String {
    reaction_path(room_id, id, &String::from(js_sys::encode_uri_component(emoji)))
}
