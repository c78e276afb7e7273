//! The audit log of a room.

use serde::{Deserialize, Serialize};

use crate::ids::{AuditId, RoomId};
use crate::rooms::room_path;
use crate::timestamp::Timestamp;
use crate::users::User;

/// The URL path of a room's audit log.
pub fn audit_path(room_id: RoomId) -> String {
    format!("{}/audit", room_path(room_id))
}

/// Something that was done in a room. It never holds the text of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// The id.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// Who did it; null for the server itself.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub actor: Option<User>,
    /// What was done, such as `ban` or `rename`.
    pub action: String,
    /// To whom it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub target: Option<User>,
    /// More about it.
    pub detail: AuditDetail,
}

/// More about an entry of an audit log. What the action does not have is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditDetail {
    /// What was there before, such as the former name or role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub before: Option<String>,
    /// What is there since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub after: Option<String>,
    /// The reason that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reason: Option<String>,
    /// How many messages were deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub count: Option<i64>,
}
