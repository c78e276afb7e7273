//! Rooms: where people talk.

use serde::{Deserialize, Serialize};

use crate::ids::{Rev, RoomId, Seq, UserId};
use crate::members::Viewer;
use crate::text::{self, Invalid, Length};
use crate::timestamp::Timestamp;

/// All rooms.
pub const ROOMS_PATH: &str = "/api/v1/rooms";

/// One room.
pub fn room_path(id: RoomId) -> String {
    format!("{ROOMS_PATH}/{id}")
}

/// A room. Answers to one user have `viewer`, what that user is in the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Room {
    /// Which room it is, for ever.
    pub id: RoomId,
    /// What it is called; unique without regard to case.
    pub name: RoomName,
    /// What it is about.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub topic: Option<Topic>,
    /// Who sees it.
    pub visibility: Visibility,
    /// Whether it is the server's own: always public, and admins of the server count as its owners.
    pub is_own: bool,
    /// The path of its picture; absent without one. `?size=64` is a smaller picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub avatar_url: Option<String>,
    /// Who created it, which grants nothing; null for a room the server made.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub created_by: Option<UserId>,
    /// Since when it exists.
    pub created_at: Timestamp,
    /// When its name or a setting last changed, or else when it was created.
    pub updated_at: Timestamp,
    /// The `seq` of its newest message; 0 when there is none.
    pub last_seq: Seq,
    /// The number of its latest change.
    pub rev: Rev,
    /// How many people are in it now.
    pub online: u32,
    /// How many members it has.
    pub member_count: u32,
    /// How many seconds members and guests wait between two messages; 0 without slow mode.
    #[cfg_attr(feature = "openapi", schema(maximum = 3_600))]
    pub slow_mode_seconds: u32,
    /// Who may write.
    pub posting: Posting,
    /// What the caller is in the room and may do there. Absent in events that many people receive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub viewer: Option<Viewer>,
}

/// Who sees a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Its members.
    Private,
    /// A visibility that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Visibility {
    /// All values that this version knows.
    pub const ALL: [Self; 2] = [Self::Public, Self::Private];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Unknown => "unknown",
        }
    }
}

/// Who may write in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Posting {
    /// Everybody who may see it and has a name.
    All,
    /// Only users with an account.
    Accounts,
    /// A value that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Posting {
    /// All values that this version knows.
    pub const ALL: [Self; 2] = [Self::All, Self::Accounts];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Accounts => "accounts",
            Self::Unknown => "unknown",
        }
    }
}

/// What a room is about: one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Topic(String);

impl Topic {
    /// How long a topic is.
    pub const LENGTH: Length = Length { min: 0, max: 250 };

    /// A topic, trimmed; `None` if nothing is left.
    ///
    /// # Errors
    /// If it is too long, or has line breaks or control characters.
    pub fn parse(text: &str) -> Result<Option<Self>, Invalid> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        text::check_name(text, Self::LENGTH, "The topic").map(|text| Some(Self(text)))
    }

    /// A topic that was checked when it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The longest slow mode, in seconds.
pub const MAX_SLOW_MODE_SECONDS: u32 = 3_600;

/// What a room is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoomName(String);

impl RoomName {
    /// How long a room's name is.
    pub const LENGTH: Length = Length { min: 1, max: 80 };

    /// A room's name, trimmed.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        text::check_distinct_name(text, Self::LENGTH, "A room's name").map(Self)
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
    /// What it is about.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::topic, required = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    /// Who sees it; everybody if it is absent.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::visibility, required = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
}

/// Changes a room: the body of `PATCH /rooms/{id}`. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateRoom {
    /// 1 to 80 characters after trimming.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::room_name, required = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<RoomName>,
    /// What it is about; null for no topic.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::topic, required = false))]
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some")]
    #[allow(clippy::option_option)] // Absent is not the same as null.
    pub topic: Option<Option<Topic>>,
    /// Who sees it. Making a private room public needs `publish_history`.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::visibility, required = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// How many seconds members and guests wait between two messages.
    #[cfg_attr(feature = "openapi", schema(nullable = false, maximum = 3_600))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_mode_seconds: Option<u32>,
    /// Who may write.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::posting, required = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posting: Option<Posting>,
    /// Confirms that everybody will see all messages of a private room that becomes public.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_history: Option<bool>,
}

/// A field that is given, even if it is null.
#[allow(clippy::option_option)]
fn some<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Topic>>, D::Error> {
    Option::<Topic>::deserialize(deserializer).map(Some)
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
