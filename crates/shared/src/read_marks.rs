//! How far members have read, and what they want to be notified of.

use serde::{Deserialize, Serialize};

use crate::ids::{RoomId, Seq};
use crate::rooms::room_path;

/// The URL path of the caller's read mark in a room.
pub fn read_path(room_id: RoomId) -> String {
    format!("{}/read", room_path(room_id))
}

/// The URL path of the caller's notification level in a room.
pub fn notify_path(room_id: RoomId) -> String {
    format!("{}/notify", room_path(room_id))
}

/// Moves the caller's read mark: the body of `PUT /rooms/{id}/read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PutRead {
    /// The last message that was read. At most the room's `last_seq` counts.
    pub seq: Seq,
    /// Whether the mark may move back, to mark messages as unread. Otherwise it only moves forward.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub exact: bool,
}

/// How far a member has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReadMark {
    /// The last message that was read.
    pub seq: Seq,
    /// How many unread messages mention the member.
    pub mentions: u32,
    /// Grows with every change; of two marks the one with the higher version is right.
    pub version: i64,
}

/// Which messages notify a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Notify {
    /// All. The default in private rooms.
    All,
    /// Those that mention the member. The default in public rooms.
    Mentions,
    /// None.
    None,
    /// A level that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Notify {
    /// All levels that this version knows.
    pub const ALL: [Self; 3] = [Self::All, Self::Mentions, Self::None];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Mentions => "mentions",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// Sets the caller's notification level: the body and the answer of `PUT /rooms/{id}/notify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PutNotify {
    /// The level.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::notify))]
    pub notify: Notify,
}
