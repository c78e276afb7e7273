//! Requests about the members of a room.

use gloo_net::http::Method;
use shared::ids::{RoomId, UserId};
use shared::members::{
    Member, PutMember, PutMute, PutOwner, Role, member_path, members_path, mute_path, own_membership_path,
    owner_path,
};
use shared::page::{Cursor, Page};
use shared::rooms::Room;
use shared::timestamp::Timestamp;

use crate::client::{self, ClientError};

/// A page of members, by role.
pub async fn list(room_id: RoomId, cursor: Option<&Cursor>) -> Result<Page<Member>, ClientError> {
    client::get(&client::page_path(&members_path(room_id), cursor)).await
}

/// Joins a public room.
pub async fn join(room_id: RoomId) -> Result<Member, ClientError> {
    client::decode(&client::send(Method::PUT, &own_membership_path(room_id), None).await?)
}

/// Leaves a room.
pub async fn leave(room_id: RoomId) -> Result<(), ClientError> {
    client::delete(&own_membership_path(room_id)).await
}

/// Adds a member, or changes the role.
pub async fn put(room_id: RoomId, user_id: UserId, role: Role) -> Result<Member, ClientError> {
    client::put(&member_path(room_id, user_id), &PutMember { role }).await
}

/// Removes a member.
pub async fn delete(room_id: RoomId, user_id: UserId) -> Result<(), ClientError> {
    client::delete(&member_path(room_id, user_id)).await
}

/// Mutes a member.
pub async fn mute(room_id: RoomId, user_id: UserId, until: Timestamp) -> Result<(), ClientError> {
    client::send_only(Method::PUT, &mute_path(room_id, user_id), &PutMute { until }).await
}

/// Ends a mute.
pub async fn unmute(room_id: RoomId, user_id: UserId) -> Result<(), ClientError> {
    client::delete(&mute_path(room_id, user_id)).await
}

/// Passes the ownership on.
pub async fn transfer(room_id: RoomId, user_id: UserId) -> Result<Room, ClientError> {
    client::put(&owner_path(room_id), &PutOwner { user_id }).await
}
