//! Reactions to messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{MessageId, RoomId, UserId};
use crate::messages::message_path;

/// The version of Unicode Emoji whose emoji may be reactions.
pub const EMOJI_VERSION: &str = "16.0";
/// The maximal number of different emoji of a message.
pub const MAX_KINDS: usize = 20;
/// How many users a reaction lists.
pub const MAX_LISTED_USERS: usize = 10;

/// The URL path of a reaction. `emoji` is percent-encoded.
pub fn reaction_path(room_id: RoomId, message_id: MessageId, emoji: &str) -> String {
    format!("{}/reactions/{emoji}", message_path(room_id, message_id))
}

/// The reactions of one kind to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reaction {
    /// The emoji, fully qualified.
    pub emoji: String,
    /// How many users reacted so.
    pub count: u32,
    /// The first of them.
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub user_ids: Vec<UserId>,
}

/// The emoji of the caller's own reactions, by message.
pub type Mine = BTreeMap<MessageId, Vec<String>>;
