//! Invites: links that let people join a room.

use serde::{Deserialize, Serialize};

use crate::ids::{InviteId, RoomId};
use crate::members::{Member, Role};
use crate::rooms::{Room, RoomName, Topic, Visibility, room_path};
use crate::timestamp::Timestamp;
use crate::users::User;

/// The URL path of the preview of an invite.
pub const INVITE_PREVIEW_PATH: &str = "/api/v1/invites/preview";
/// The URL path where an invite is redeemed.
pub const INVITE_REDEMPTION_PATH: &str = "/api/v1/invites/redeem";

/// The URL path of a room's invites.
pub fn invites_path(room_id: RoomId) -> String {
    format!("{}/invites", room_path(room_id))
}

/// The URL path of an invite.
pub fn invite_path(room_id: RoomId, id: InviteId) -> String {
    format!("{}/{id}", invites_path(room_id))
}

/// How long an invite is valid unless its maker says otherwise, in seconds: a week.
pub const DEFAULT_LIFETIME_SECONDS: i64 = 7 * 24 * 60 * 60;
/// The longest lifetime of an invite that expires, in seconds: a year.
pub const MAX_LIFETIME_SECONDS: i64 = 366 * 24 * 60 * 60;
/// The maximal number of uses of an invite that limits them.
pub const MAX_USES: i64 = 100_000;

/// Makes an invite: the body of `POST /rooms/{id}/invites`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateInvite {
    /// The role of those who join; `guest` if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::invite_role, required = false))]
    pub role: Option<Role>,
    /// Seconds until it expires: a week if it is absent, never if it is null.
    #[serde(default = "default_lifetime")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 31_622_400, required = false))]
    pub expires_in_seconds: Option<i64>,
    /// How many people can join by it; any number if it is absent or null.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 100_000, required = false))]
    pub max_uses: Option<i64>,
}

#[allow(clippy::unnecessary_wraps)] // It is the default of the field.
fn default_lifetime() -> Option<i64> {
    Some(DEFAULT_LIFETIME_SECONDS)
}

/// An invite, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invite {
    /// The id.
    pub id: InviteId,
    /// The role of those who join.
    pub role: Role,
    /// Who made it.
    pub created_by: User,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub expires_at: Option<Timestamp>,
    /// How many people can join by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub max_uses: Option<i64>,
    /// How many people joined by it.
    pub uses: i64,
}

/// A new invite. Its link is shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewInvite {
    /// What is known of it.
    pub invite: Invite,
    /// The link. What follows the `#` is the secret, which no server or proxy logs.
    pub url: String,
}

/// The secret of an invite: the body of `POST /invites/preview` and `POST /invites/redeem`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InviteSecret {
    /// What follows the `#` of the link.
    pub secret: String,
}

/// What an invite leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvitePreview {
    /// The room.
    pub room: InvitedRoom,
    /// The role of those who join.
    pub role: Role,
    /// When the invite expires; null if never.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub expires_at: Option<Timestamp>,
    /// Who made the invite.
    pub invited_by: User,
}

/// What an invited user sees of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InvitedRoom {
    /// The name.
    pub name: RoomName,
    /// The topic.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub topic: Option<Topic>,
    /// The picture; there are none yet.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub avatar_url: Option<String>,
    /// Who sees the room.
    pub visibility: Visibility,
    /// The number of members.
    pub member_count: u32,
    /// The number of people in it now; only of public rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub online: Option<u32>,
}

/// The room that was joined by an invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Redeemed {
    /// The room.
    pub room: Room,
    /// The caller's membership.
    pub member: Member,
}
