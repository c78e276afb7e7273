//! Reads what the server says into the protocol's types.
//!
//! The protocol's own derived `Deserialize` compiles a reader per type and weighs five times as much, and every
//! visitor downloads it. Here the browser reads the JSON, as it can anyway, and the lists below say which fields of it
//! each type has. The tests hold the two against each other, type by type, so that they cannot drift apart.

mod read;
mod tree;

use shared::errors::{ErrorCode, FieldError, LimitScope, Problem};
use shared::events::{MessageChange, RoomChange, ServerEvent};
use shared::ids::{MessageId, Rev, RoomId, Seq, SessionId, UserId};
use shared::messages::{Author, Changes, Message};
use shared::page::{Cursor, Page};
use shared::rooms::{Room, RoomName};
use shared::sessions::{Session, Sessions};
use shared::text::InvalidCode;
use shared::timestamp::Timestamp;
use shared::users::{User, UserKind, Username};

pub use read::{Malformed, Read};
use read::{field, from_text, read_as, read_named, read_structs, read_tagged};
use tree::Value;

/// Reads a type from text.
pub fn parse<T: Read>(text: &str) -> Result<T, Malformed> {
    T::read(&Value::parse(text).ok_or(Malformed)?)
}

/// The user of a new session. The token beside it is ignored: the browser has it as a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// The user.
    pub user: User,
}

read_as! {
    u16: i64 => |number| number.try_into().ok();
    u32: i64 => |number| number.try_into().ok();
    u64: i64 => |number| number.try_into().ok();
    Seq: i64 => |number| Some(Self(number));
    Rev: i64 => |number| Some(Self(number));
    Cursor: String => |text| Some(Self(text));
    RoomName: String => |text| Some(Self::from_stored(text));
    Username: String => |text| Some(Self::from_stored(text));
    UserId: String => |text| text.parse().ok();
    RoomId: String => |text| text.parse().ok();
    SessionId: String => |text| text.parse().ok();
    MessageId: String => |text| text.parse().ok();
    Timestamp: String => |text| text.parse().ok();
}

read_named!(ErrorCode, InvalidCode, LimitScope, UserKind);

read_structs! {
    User { id, username, kind, created_at }
    NewSession { user }
    Room { id, name, created_by, created_at, updated_at, last_seq, rev, online }
    Author { id, username, kind }
    Message { id, room_id, seq, rev, author, text, created_at, edited_at, deleted_at }
    Session { id, created_at, last_seen_at, user_agent, address, is_current }
    Sessions { items }
    Changes { room, messages, rev, has_more }
    FieldError { pointer, code, detail }
    Problem { kind: "type", title, status, detail, code, request_id, errors = Vec::new(), retry_after, scope }
    MessageChange { room_id, rev, message }
    RoomChange { room, rev }
}

read_tagged!(ServerEvent {
    "hello" => Hello { server_version, heartbeat_seconds, user },
    "subscribed" => Subscribed { room, rev, online, visitors },
    "message_created" => MessageCreated(MessageChange),
    "message_updated" => MessageUpdated(MessageChange),
    "message_deleted" => MessageDeleted(MessageChange),
    "room_created" => RoomCreated(RoomChange),
    "room_updated" => RoomUpdated(RoomChange),
    "room_deleted" => RoomDeleted(RoomChange),
    "presence" => Presence { room_id, joined, left, online, visitors },
    "typing" => Typing { room_id, user, active },
    "resync" => Resync { room_id },
    "pong" => Pong { id },
    "error" => Error { code, detail, room_id },
});

impl<T: Read> Read for Page<T> {
    fn read(value: &Value) -> Result<Self, Malformed> {
        Ok(Self {
            items: field(value, "items")?,
            next_cursor: field(value, "next_cursor")?,
            prev_cursor: field(value, "prev_cursor")?,
        })
    }
}

#[cfg(test)]
mod tests;
