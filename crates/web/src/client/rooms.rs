//! Requests about rooms.

use gloo_net::http::Method;
use shared::files::room_avatar_path;
use shared::ids::RoomId;
use shared::page::{Cursor, Page};
use shared::rooms::{CreateRoom, ROOMS_PATH, Room, UpdateRoom, room_path};
use web_sys::Blob;

use crate::client::{self, ClientError};

/// A page of the rooms that the user is in, those with the latest message first.
pub async fn list_mine(cursor: Option<&Cursor>) -> Result<Page<Room>, ClientError> {
    let path = format!("{ROOMS_PATH}?mine=true&limit={}", client::PAGE);
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    client::get(&format!("{path}{cursor}")).await
}

/// A page of rooms, oldest first. Without a `limit` it has the server's usual size.
pub async fn list(cursor: Option<&Cursor>, limit: Option<u32>) -> Result<Page<Room>, ClientError> {
    let cursor = cursor.map(|cursor| format!("cursor={cursor}"));
    let limit = limit.map(|limit| format!("limit={limit}"));
    let query = cursor.into_iter().chain(limit).collect::<Vec<_>>().join("&");
    client::get(&format!("{ROOMS_PATH}?{query}")).await
}

/// One room.
pub async fn get(id: RoomId) -> Result<Room, ClientError> {
    client::get(&room_path(id)).await
}

/// Creates a room.
pub async fn create(create: CreateRoom) -> Result<Room, ClientError> {
    client::post(ROOMS_PATH, &create).await
}

/// Changes a room.
pub async fn update(id: RoomId, update: UpdateRoom) -> Result<Room, ClientError> {
    client::patch(&room_path(id), &update).await
}

/// Sets a room's picture.
pub async fn put_avatar(id: RoomId, image: &Blob) -> Result<Room, ClientError> {
    client::put_image(&room_avatar_path(id), image).await
}

/// Removes a room's picture.
pub async fn delete_avatar(id: RoomId) -> Result<Room, ClientError> {
    client::decode(&client::send(Method::DELETE, &room_avatar_path(id), None).await?)
}

/// Deletes a room with its messages.
pub async fn delete(id: RoomId) -> Result<(), ClientError> {
    client::delete(&room_path(id)).await
}
