//! Former texts of messages.

use serde::{Deserialize, Serialize};

use crate::ids::{MessageId, RoomId};
use crate::messages::message_path;
use crate::timestamp::Timestamp;

/// How many former texts of a message are kept.
pub const MAX_EDITS: usize = 50;

/// The URL path of the former texts of a message.
pub fn edits_path(room_id: RoomId, message_id: MessageId) -> String {
    format!("{}/edits", message_path(room_id, message_id))
}

/// A former text of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Edit {
    /// What the message said.
    pub text: String,
    /// Since when it said so: when it was sent or edited.
    pub at: Timestamp,
}
