//! Replies and threads.

use serde::{Deserialize, Serialize};

use crate::ids::{MessageId, Rev, Seq};
use crate::messages::Author;

/// What a reply answers. It never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReplyTo {
    /// The message that is answered.
    pub id: MessageId,
    /// The first message of the thread: that which is answered, or the root of its thread.
    pub root_id: MessageId,
}

/// What messages refer to, beside them: it is the same for all readers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Context {
    /// The messages that are answered. Of two quotes of a message the one with the higher `rev` is right.
    #[serde(default)]
    pub quotes: Vec<Quote>,
    /// The threads that the messages begin or belong to.
    #[serde(default)]
    pub threads: Vec<Thread>,
}

impl Context {
    /// Whether the messages refer to nothing.
    pub fn is_empty(&self) -> bool {
        self.quotes.is_empty() && self.threads.is_empty()
    }
}

/// The beginning of a message that is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quote {
    /// The message.
    pub id: MessageId,
    /// The number of its latest change.
    pub rev: Rev,
    /// Its place in the room.
    pub seq: Seq,
    /// Who wrote it.
    pub author: Author,
    /// The first 140 characters as plain text, with spoilers masked. Empty for a deleted message, or one that only has
    /// files.
    pub excerpt: String,
    /// Whether it is deleted.
    pub deleted: bool,
}

/// How many replies a thread has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Thread {
    /// The first message.
    pub root_id: MessageId,
    /// The number of replies, deleted ones included.
    pub count: u32,
    /// The `seq` of the last reply.
    pub last_seq: Seq,
}
