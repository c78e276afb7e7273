//! Reads what the server says into the protocol's types.
//!
//! The protocol's own derived `Deserialize` compiles a reader per type and weighs five times as much, and every
//! visitor downloads it. Here the browser reads the JSON, as it can anyway, and the lists below say which fields of it
//! each type has. The tests hold the two against each other, type by type, so that they cannot drift apart.

pub mod commands;
mod read;
mod tree;

use shared::admin::{AdminUser, Guests, PasswordReset, Registration, ServerSettings};
use shared::audit::{AuditDetail, AuditEntry};
use shared::bans::{Ban, BanReason};
use shared::edits::Edit;
use shared::errors::{ErrorCode, FieldError, LimitScope, Problem};
use shared::events::{MemberChange, MessageChange, RoomChange, ServerEvent};
use shared::files::{AltText, Attachment};
use shared::formatting::{Block, Element, Inline};
use shared::ids::{
    AttachmentId, AuditId, Epoch, InviteId, MessageId, Rev, RoomId, Seq, SessionId, StreamId, TokenId, UserId,
};
use shared::invites::{Invite, InvitePreview, InvitedRoom, NewInvite, Redeemed};
use shared::members::{LeaveReason, Member, MembershipChange, Operation, RemovalReason, Role, Viewer};
use shared::messages::{Author, Changes, Message, MessageAnswer, MessagePage, MessagePreview};
use shared::page::{Cursor, Page};
use shared::reactions::{Mine, Reaction};
use shared::read_marks::{Notify, PutNotify, ReadMark};
use shared::replies::{Context, Quote, ReplyTo, Thread};
use shared::rooms::{Posting, Room, RoomName, Topic, Visibility};
use shared::sessions::Session;
use shared::stored::Stored;
use shared::text::InvalidCode;
use shared::timestamp::Timestamp;
use shared::tokens::{NewToken, Scope, Token, TokenName};
use shared::users::{Me, User, UserKind, Username};

use crate::state::access::Access;

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

/// How large files may be: the part of what the server says of itself that the client needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLimits {
    /// A file of a message, in bytes.
    pub upload_bytes: u64,
    /// What a member may upload per day.
    pub of_member_per_day: Option<u64>,
    /// What a guest may upload per day.
    pub of_guest_per_day: Option<u64>,
}

/// A new stream. The greeting is as far as it can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedStream {
    /// The id of the stream.
    pub id: StreamId,
    /// What a socket says first.
    pub hello: Result<ServerEvent, Malformed>,
}

/// Events of a stream, each as far as it can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct PolledEvents {
    /// The events, in order.
    pub events: Vec<Result<ServerEvent, Malformed>>,
    /// The `after` of the next request.
    pub next: u64,
}

read_as! {
    u8: i64 => |number| number.try_into().ok();
    u16: i64 => |number| number.try_into().ok();
    u32: i64 => |number| number.try_into().ok();
    u64: i64 => |number| number.try_into().ok();
    Seq: i64 => |number| Some(Self(number));
    Rev: i64 => |number| Some(Self(number));
    Cursor: String => |text| Some(Self(text));
    RoomName: String => |text| Some(Self::from_stored(text));
    Topic: String => |text| Some(Self::from_stored(text));
    BanReason: String => |text| Some(Self::from_stored(text));
    TokenName: String => |text| Some(Self::from_stored(text));
    AltText: String => |text| Some(Self::from_stored(text));
    Username: String => |text| Some(Self::from_stored(text));
    UserId: String => |text| text.parse().ok();
    RoomId: String => |text| text.parse().ok();
    Epoch: String => |text| text.parse().ok();
    StreamId: String => |text| text.parse().ok();
    SessionId: String => |text| text.parse().ok();
    MessageId: String => |text| text.parse().ok();
    InviteId: String => |text| text.parse().ok();
    TokenId: String => |text| text.parse().ok();
    AuditId: String => |text| text.parse().ok();
    AttachmentId: String => |text| text.parse().ok();
    Timestamp: String => |text| text.parse().ok();
}

read_named!(
    ErrorCode,
    InvalidCode,
    LimitScope,
    UserKind,
    Visibility,
    Posting,
    Role,
    Operation,
    Notify,
    LeaveReason,
    RemovalReason,
    Scope,
    Registration,
    Guests
);

read_structs! {
    User { id, username, kind, avatar_url, created_at, deleted_at }
    NewSession { user }
    Room {
        id, name, topic, visibility, is_own, avatar_url, created_by, created_at, updated_at, last_seq, rev, online, member_count,
        slow_mode_seconds, posting, viewer,
    }
    Viewer { role, muted_until, banned, last_read_seq, mentions, read_version, notify, may }
    Member { user, role, joined_at, muted_until }
    MemberChange { room_id, rev, member }
    Ban { user, by, reason, created_at }
    Invite { id, role, created_by, created_at, expires_at, max_uses, uses }
    NewInvite { invite, url }
    InvitedRoom { name, topic, avatar_url, visibility, member_count, online }
    InvitePreview { room, role, expires_at, invited_by }
    Redeemed { room, member }
    AuditDetail { before, after, reason, count }
    AuditEntry { id, at, actor, action, target, detail }
    Token { id, name, scopes, created_at, last_used_at, expires_at }
    NewToken { token, info }
    PasswordReset { url, expires_at }
    ServerSettings { registration, guests }
    Author { id, username, kind, avatar_url }
    Attachment { id, filename, content_type, size, width, height, url, thumbnail_url, alt }
    Message {
        id, room_id, seq, rev, author, text, body, attachments = Vec::new(), reply_to, reactions, pinned_at, created_at,
        edited_at, deleted_at,
    }
    ReplyTo { id, root_id }
    Context { quotes = Vec::new(), threads = Vec::new() }
    Quote { id, rev, seq, author, excerpt, deleted }
    Thread { root_id, count, last_seq }
    Reaction { emoji, count, user_ids }
    ReadMark { seq, mentions, version }
    PutNotify { notify }
    Edit { text, at }
    MessagePreview { body }
    Session { id, created_at, last_seen_at, user_agent, address, is_current }
    Changes { room, messages, context = Context::default(), mine = Mine::new(), members, rev, has_more }
    FieldError { pointer, code, detail }
    Problem { kind: "type", title, status, detail, code, request_id, errors = Vec::new(), retry_after, scope }
    MessageChange { room_id, rev, message, context = Context::default(), mine = Mine::new() }
    RoomChange { room, rev }
}

read_tagged!(ServerEvent by "type" {
    "hello" => Hello { server_version, heartbeat_seconds, epoch, user },
    "subscribed" => Subscribed { room, rev, online, visitors },
    "message_created" => MessageCreated(MessageChange),
    "message_updated" => MessageUpdated(MessageChange),
    "message_deleted" => MessageDeleted(MessageChange),
    "room_created" => RoomCreated(RoomChange),
    "room_updated" => RoomUpdated(RoomChange),
    "room_deleted" => RoomDeleted(RoomChange),
    "member_joined" => MemberJoined(MemberChange),
    "member_updated" => MemberUpdated(MemberChange),
    "member_left" => MemberLeft { room_id, rev, user_id, reason },
    "room_added" => RoomAdded { room },
    "room_removed" => RoomRemoved { room_id, name, reason },
    "viewer_updated" => ViewerUpdated { room_id, viewer },
    "read" => Read { room_id, ..mark },
    "reacted" => Reacted { room_id, message_id, emoji, active },
    "presence" => Presence { room_id, joined, left, online, visitors },
    "typing" => Typing { room_id, user, active },
    "resync" => Resync { room_id },
    "pong" => Pong { id },
    "closed" => Closed { code },
    "error" => Error { code, detail, room_id },
});

read_tagged!(Block by "t" {
    "p" => P { c },
    "h" => H { l, c },
    "pre" => Pre { lang, text },
    "quote" => Quote { c },
    "ul" => Ul { c },
    "ol" => Ol { start, c },
});

read_tagged!(Element by "t" {
    "b" => B { c },
    "i" => I { c },
    "s" => S { c },
    "code" => Code { text },
    "a" => A { href, c },
    "br" => Br,
    "spoiler" => Spoiler { c },
    "user" => User { id, text },
    "room" => Room { id, text },
    "everyone" => Everyone,
});

impl Read for Inline {
    fn read(value: &Value) -> Result<Self, Malformed> {
        match value.text() {
            Some(text) => Ok(Self::Text(text)),
            None => Element::read(value).map(Self::Element),
        }
    }
}

impl<T: Read> Read for Stored<T> {
    fn read(value: &Value) -> Result<Self, Malformed> {
        T::read(value).map(Self::Value)
    }
}

impl Read for Mine {
    fn read(value: &Value) -> Result<Self, Malformed> {
        // One by one: collecting would compile a sort.
        let mut mine = Self::new();
        for (id, emoji) in value.entries().ok_or(Malformed)? {
            mine.insert(id.parse().map_err(|_| Malformed)?, Read::read(&emoji)?);
        }
        Ok(mine)
    }
}

/// Reads what stands beside messages.
fn context_and_mine(value: &Value) -> Result<(Context, Mine), Malformed> {
    let (context, mine): (Option<_>, Option<_>) = (field(value, "context")?, field(value, "mine")?);
    Ok((context.unwrap_or_default(), mine.unwrap_or_default()))
}

impl Read for MessageAnswer {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let (context, mine) = context_and_mine(value)?;
        Ok(Self { message: Message::read(value)?, context, mine })
    }
}

impl Read for MessagePage {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let (context, mine) = context_and_mine(value)?;
        let (next_cursor, prev_cursor) = (field(value, "next_cursor")?, field(value, "prev_cursor")?);
        Ok(Self { items: field(value, "items")?, context, mine, next_cursor, prev_cursor })
    }
}

/// A list that comes whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items<T>(pub Vec<T>);

impl<T: Read> Read for Items<T> {
    fn read(value: &Value) -> Result<Self, Malformed> {
        field(value, "items").map(Self)
    }
}

impl<T: Read> Read for Page<T> {
    fn read(value: &Value) -> Result<Self, Malformed> {
        Ok(Self {
            items: field(value, "items")?,
            next_cursor: field(value, "next_cursor")?,
            prev_cursor: field(value, "prev_cursor")?,
        })
    }
}

impl Read for OpenedStream {
    fn read(value: &Value) -> Result<Self, Malformed> {
        Ok(Self { id: field(value, "id")?, hello: field(value, "hello") })
    }
}

impl Read for PolledEvents {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let events = value.get("events").and_then(|events| events.items()).ok_or(Malformed)?;
        let events = events.iter().map(|event| field(event, "event")).collect();
        Ok(Self { events, next: field(value, "next")? })
    }
}

/// Who left says so by the field `left`; everybody else is a member with a `rev` beside.
impl Read for MembershipChange {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let left: Option<bool> = field(value, "left")?;
        let rev = field(value, "rev")?;
        Ok(match left {
            Some(left) => {
                Self::Left { user_id: field(value, "user_id")?, left, reason: field(value, "reason")?, rev }
            }
            None => Self::Member { member: Member::read(value)?, rev },
        })
    }
}

/// Of what the server says about itself, only who may come.
impl Read for Access {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let (registration, guests) =
            (field::<String>(value, "registration")?, field::<String>(value, "guests")?);
        Ok(Self::new(&registration, &guests))
    }
}

impl Read for Me {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let (is_admin, has_password) = (field(value, "is_admin")?, field(value, "has_password")?);
        Ok(Self { user: User::read(value)?, is_admin, has_password })
    }
}

impl Read for FileLimits {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let limits = value.get("limits").ok_or(Malformed)?;
        Ok(Self {
            upload_bytes: field(&limits, "upload_bytes")?,
            of_member_per_day: field(&limits, "member_upload_bytes_per_day")?,
            of_guest_per_day: field(&limits, "guest_upload_bytes_per_day")?,
        })
    }
}

impl Read for AdminUser {
    fn read(value: &Value) -> Result<Self, Malformed> {
        let (is_admin, is_disabled) = (field(value, "is_admin")?, field(value, "is_disabled")?);
        Ok(Self { user: User::read(value)?, is_admin, is_disabled })
    }
}

#[cfg(test)]
mod tests;
