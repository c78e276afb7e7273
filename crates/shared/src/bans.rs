//! Bans from rooms.

use serde::{Deserialize, Serialize};

use crate::ids::{RoomId, UserId};
use crate::rooms::room_path;
use crate::text::{self, Invalid, Length};
use crate::timestamp::Timestamp;
use crate::users::User;

/// The URL path of a room's bans.
pub fn bans_path(room_id: RoomId) -> String {
    format!("{}/bans", room_path(room_id))
}

/// The URL path of the ban of a user.
pub fn ban_path(room_id: RoomId, user_id: UserId) -> String {
    format!("{}/{user_id}", bans_path(room_id))
}

/// The longest period, in seconds, from which a ban deletes messages: a day.
pub const MAX_DELETE_SECONDS: i64 = 24 * 60 * 60;

/// Why a user is banned, for the moderators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BanReason(String);

impl BanReason {
    /// How long it is.
    pub const LENGTH: Length = Length { min: 1, max: 250 };

    /// Validates a reason and trims it.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        text::check_name(text, Self::LENGTH, "The reason").map(Self)
    }

    /// A reason that was checked when it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The reason as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Bans a user: the body of `PUT /rooms/{id}/bans/{user_id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PutBan {
    /// Why, for the moderators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::ban_reason, required = false))]
    pub reason: Option<BanReason>,
    /// The messages that the user sent within so many seconds are deleted, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, minimum = 0, maximum = 86_400))]
    pub delete_seconds: Option<i64>,
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ban {
    /// The user who is banned.
    pub user: User,
    /// Who banned the user; null if they are not known any more.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub by: Option<User>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reason: Option<BanReason>,
    /// Since when.
    pub created_at: Timestamp,
}
