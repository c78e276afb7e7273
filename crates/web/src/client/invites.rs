//! Requests about invites.

use shared::ids::{InviteId, RoomId};
use shared::invites::{
    CreateInvite, INVITE_PREVIEW_PATH, INVITE_REDEMPTION_PATH, Invite, InvitePreview, InviteSecret,
    NewInvite, Redeemed, invite_path, invites_path,
};

use crate::client::{self, ClientError};
use crate::wire::Items;

/// The invites of a room.
pub async fn list(room_id: RoomId) -> Result<Vec<Invite>, ClientError> {
    client::get(&invites_path(room_id)).await.map(|invites: Items<Invite>| invites.0)
}

/// Makes an invite. The answer has its link.
pub async fn create(room_id: RoomId, create: CreateInvite) -> Result<NewInvite, ClientError> {
    client::post(&invites_path(room_id), &create).await
}

/// Revokes an invite.
pub async fn delete(room_id: RoomId, id: InviteId) -> Result<(), ClientError> {
    client::delete(&invite_path(room_id, id)).await
}

/// What an invite leads to.
pub async fn preview(secret: String) -> Result<InvitePreview, ClientError> {
    client::post(INVITE_PREVIEW_PATH, &InviteSecret { secret }).await
}

/// Joins a room by an invite.
pub async fn redeem(secret: String) -> Result<Redeemed, ClientError> {
    client::post(INVITE_REDEMPTION_PATH, &InviteSecret { secret }).await
}
