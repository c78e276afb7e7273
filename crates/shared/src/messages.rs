//! Messages, and what changed in a room.

use serde::{Deserialize, Serialize};

use crate::files::{Attachment, AttachmentClaim};
use crate::formatting::Block;
use crate::ids::{MessageId, Rev, RoomId, Seq, UserId};
use crate::members::MembershipChange;
use crate::page::Cursor;
use crate::reactions::{Mine, Reaction};
use crate::replies::{Context, ReplyTo};
use crate::rooms::{Room, room_path};
use crate::stored::Stored;
use crate::text::{self, Invalid, Length};
use crate::timestamp::Timestamp;
use crate::users::{User, UserKind, Username};

/// A room's messages.
pub fn messages_path(room_id: RoomId) -> String {
    format!("{}/messages", room_path(room_id))
}

/// One message.
pub fn message_path(room_id: RoomId, id: MessageId) -> String {
    format!("{}/{id}", messages_path(room_id))
}

/// What changed in a room.
pub fn changes_path(room_id: RoomId) -> String {
    format!("{}/changes", room_path(room_id))
}

/// A message, or the tombstone of one: then `text` is null and `deleted_at` is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// Which message it is, for ever.
    pub id: MessageId,
    /// The room it was sent to.
    pub room_id: RoomId,
    /// Its place in the room.
    pub seq: Seq,
    /// The number of its latest change; of two copies the one with the higher `rev` is right.
    pub rev: Rev,
    /// Who wrote it.
    pub author: Author,
    /// What it says, as plain text; null once deleted.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::stored_text, required = true))]
    pub text: Option<String>,
    /// The text with its formatting; absent when it is one plain paragraph without marks, links or mentions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<Block>>, nullable = false))]
    pub body: Option<Stored<Vec<Block>>>,
    /// The files, in the order of the author; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// What it answers; absent when it is no reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub reply_to: Option<ReplyTo>,
    /// The reactions, in the order of their first use; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<Reaction>>, nullable = false))]
    pub reactions: Option<Stored<Vec<Reaction>>>,
    /// When it was pinned; absent when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub pinned_at: Option<Timestamp>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When its text or its files last changed.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub deleted_at: Option<Timestamp>,
}

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Author {
    /// The user.
    pub id: UserId,
    /// What they are called.
    pub username: Username,
    /// What they are.
    pub kind: UserKind,
    /// The path of their picture; absent without one. `?size=64` is a smaller picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub avatar_url: Option<String>,
}

impl From<&User> for Author {
    fn from(user: &User) -> Self {
        let User { id, kind, .. } = *user;
        Self { id, username: user.username.clone(), kind, avatar_url: user.avatar_url.clone() }
    }
}

/// What a message says: trimmed plain text of several lines. Empty only beside files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageText(String);

impl MessageText {
    /// How long a message of such an author is.
    pub fn length(author: UserKind) -> Length {
        match author {
            UserKind::Guest => Length { min: 2, max: 150 },
            UserKind::Member | UserKind::Bot | UserKind::Unknown => Length { min: 1, max: 4_000 },
        }
    }

    /// The text of a message by such an author, trimmed.
    pub fn parse(text: &str, author: UserKind) -> Result<Self, Invalid> {
        text::check_body(text, Self::length(author), "A message").map(Self)
    }

    /// The text of a message by such an author, trimmed. White space alone is the empty text: a message with files needs
    /// no other.
    ///
    /// # Errors
    /// The same as of [`Self::parse`], except that it is required.
    pub fn parse_beside_files(text: &str, author: UserKind) -> Result<Self, Invalid> {
        if text.trim().is_empty() { Ok(Self::default()) } else { Self::parse(text, author) }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Sends a message: the body of `POST /rooms/{id}/messages`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateMessage {
    /// Plain text; its length depends on the author's kind, see `GET /server`.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::message_text))]
    pub text: MessageText,
    /// Chosen by the client, so that the same send can be repeated; made by the server when absent.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::uuid, required = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<MessageId>,
    /// Files that the author uploaded for this room. With files, the text may be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 10))]
    pub attachments: Vec<AttachmentClaim>,
    /// The message of the same room that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::uuid, required = false))]
    pub reply_to: Option<MessageId>,
    /// The users whom mentions mean, where several have the name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 50))]
    pub mentions: Vec<UserId>,
}

/// Edits a message: the body of `PATCH /rooms/{id}/messages/{message_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateMessage {
    /// The new text; absent leaves it as it is.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::message_text, required = false))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<MessageText>,
    /// The files that stay, of those that the message has, and what they show; absent leaves them as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, max_items = 10))]
    pub attachments: Option<Vec<AttachmentClaim>>,
    /// The users whom mentions in the new text mean, where several have the name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 50))]
    pub mentions: Vec<UserId>,
}

/// Asks how a text will look: the body of `POST /rooms/{id}/messages/preview`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviewMessage {
    /// The text.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::message_text))]
    pub text: MessageText,
    /// The users whom mentions mean, where several have the name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 50))]
    pub mentions: Vec<UserId>,
}

/// How a text will look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessagePreview {
    /// The text with its formatting; absent when it is plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<Block>>, nullable = false))]
    pub body: Option<Stored<Vec<Block>>>,
}

/// A message in the answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageAnswer {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// What it refers to; absent when that is nothing.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// The caller's own reactions; absent without any.
    #[serde(default, skip_serializing_if = "Mine::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, Vec<String>>))]
    pub mine: Mine,
}

/// A page of messages, oldest to newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessagePage {
    /// The messages.
    pub items: Vec<Message>,
    /// What they refer to; absent when that is nothing.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// The caller's own reactions to them; absent without any.
    #[serde(default, skip_serializing_if = "Mine::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, Vec<String>>))]
    pub mine: Mine,
    /// The cursor of the messages after these; null at the end.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub next_cursor: Option<Cursor>,
    /// The cursor of the messages before these; null at the beginning.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub prev_cursor: Option<Cursor>,
}

/// All that changed in a room after a `rev`, each thing once, in its present state, by `rev`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// The room as it is now.
    pub room: Room,
    /// The messages whose latest change lies after `since`.
    pub messages: Vec<Message>,
    /// What they refer to; absent when that is nothing.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// The caller's own reactions to them; absent without any.
    #[serde(default, skip_serializing_if = "Mine::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, Vec<String>>))]
    pub mine: Mine,
    /// The memberships whose latest change lies after `since`.
    pub members: Vec<MembershipChange>,
    /// How far this answer reaches: the next `since`.
    pub rev: Rev,
    /// Whether there is more after `rev`.
    pub has_more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_writes_two_to_a_hundred_and_fifty_characters() {
        assert!(MessageText::parse("x", UserKind::Guest).is_err());
        assert!(MessageText::parse("hi", UserKind::Guest).is_ok());
        assert!(MessageText::parse(&"x".repeat(150), UserKind::Guest).is_ok());
        assert!(MessageText::parse(&"x".repeat(151), UserKind::Guest).is_err());
    }

    #[test]
    fn a_member_writes_up_to_four_thousand_characters() {
        assert!(MessageText::parse("x", UserKind::Member).is_ok());
        assert!(MessageText::parse(&"x".repeat(4_000), UserKind::Member).is_ok());
        assert!(MessageText::parse(&"x".repeat(4_001), UserKind::Member).is_err());
    }
}
