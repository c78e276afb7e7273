//! Requests about the bans of a room.

use gloo_net::http::Method;
use shared::bans::{Ban, PutBan, ban_path, bans_path};
use shared::ids::{RoomId, UserId};
use shared::page::{Cursor, Page};

use crate::client::{self, ClientError};

/// A page of bans, newest first.
pub async fn list(room_id: RoomId, cursor: Option<&Cursor>) -> Result<Page<Ban>, ClientError> {
    client::get(&client::page_path(&bans_path(room_id), cursor)).await
}

/// Bans a user.
pub async fn put(room_id: RoomId, user_id: UserId, ban: PutBan) -> Result<(), ClientError> {
    client::send_only(Method::PUT, &ban_path(room_id, user_id), &ban).await
}

/// Ends a ban.
pub async fn delete(room_id: RoomId, user_id: UserId) -> Result<(), ClientError> {
    client::delete(&ban_path(room_id, user_id)).await
}
