//! Rooms: where people talk.

use serde::{Deserialize, Serialize};

use crate::ids::{Rev, RoomId, Seq, UserId};
use crate::text::{self, Invalid, Length};
use crate::timestamp::Timestamp;

/// All rooms.
pub const ROOMS_PATH: &str = "/api/v1/rooms";

/// One room.
pub fn room_path(id: RoomId) -> String {
    format!("{ROOMS_PATH}/{id}")
}

/// A room as everybody who may see it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Room {
    /// Which room it is, for ever.
    pub id: RoomId,
    /// What it is called; unique without regard to case.
    pub name: RoomName,
    /// Who created it, and so may rename and delete it; null for a room the server made.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub created_by: Option<UserId>,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When it was last renamed, or else created.
    pub updated_at: Timestamp,
    /// The `seq` of its newest message; 0 when there is none.
    pub last_seq: Seq,
    /// The number of its latest change.
    pub rev: Rev,
    /// How many people are in it now.
    pub online: u32,
}

/// What a room is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoomName(String);

impl RoomName {
    /// How long a room's name is.
    pub const LENGTH: Length = Length { min: 1, max: 80 };

    /// A room's name, trimmed.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        text::check_name(text, Self::LENGTH, "A room's name").map(Self)
    }

    /// A name that was checked when it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Creates a room: the body of `POST /rooms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateRoom {
    /// 1 to 80 characters after trimming.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::room_name))]
    pub name: RoomName,
    /// Chosen by the client, best a UUID of version 7, so that the request can be repeated without harm.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::uuid, required = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RoomId>,
}

/// Renames a room: the body of `PATCH /rooms/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateRoom {
    /// 1 to 80 characters after trimming; absent leaves it as it is.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::room_name, required = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<RoomName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rooms_name_has_one_to_eighty_characters() {
        assert!(RoomName::parse("  ").is_err());
        assert_eq!(RoomName::parse(" rust ").unwrap().as_str(), "rust");
        assert!(RoomName::parse(&"é".repeat(80)).is_ok());
        assert!(RoomName::parse(&"é".repeat(81)).is_err());
    }
}
