//! Rooms, people and messages for the unit tests of the state.

use shared::events::{MessageChange, ServerEvent};
use shared::files::Attachment;
use shared::ids::{AttachmentId, MessageId, Rev, RoomId, Seq, UserId};
use shared::members::{Member, Operation, Role, Viewer};
use shared::messages::{Author, Message, MessagePage};
use shared::reactions::Mine;
use shared::replies::Context;
use shared::rooms::{Posting, Room, RoomName, Visibility};
use shared::timestamp::Timestamp;
use shared::users::{User, UserKind, Username};

/// 2026-01-01T12:00:00Z.
pub const NOON: i64 = 1_767_268_800_000;

/// An id made of a number.
pub fn room_id(number: u8) -> RoomId {
    format!("0190a5b0-0000-7000-8000-0000000000{number:02x}").parse().expect("a UUID")
}

/// A room made `number` seconds after noon.
pub fn room(number: u8, name: &str) -> Room {
    let created_at = Timestamp::from_unix_millis(NOON + i64::from(number) * 1_000).expect("a time");
    Room {
        id: room_id(number),
        name: RoomName::parse(name).expect("a name"),
        topic: None,
        visibility: Visibility::Public,
        is_own: false,
        avatar_url: None,
        created_by: None,
        created_at,
        updated_at: created_at,
        last_seq: Seq(0),
        rev: Rev(0),
        online: 0,
        member_count: 0,
        slow_mode_seconds: 0,
        posting: Posting::All,
        viewer: None,
    }
}

/// A viewer in this role who may write.
pub fn viewer(role: Option<Role>) -> Viewer {
    Viewer {
        role,
        muted_until: None,
        banned: false,
        last_read_seq: None,
        mentions: None,
        read_version: None,
        notify: None,
        may: vec![Operation::View, Operation::Send],
    }
}

/// A member in this role.
pub fn member(number: u8, name: &str, role: Role) -> Member {
    let joined_at = Timestamp::from_unix_millis(NOON).expect("a time");
    Member { user: user(number, name), role, joined_at, muted_until: None }
}

/// A guest whose id is made of a number.
pub fn user(number: u8, name: &str) -> User {
    let id: UserId = format!("0190a5b0-0000-7000-9000-0000000000{number:02x}").parse().expect("a UUID");
    User {
        id,
        username: Username::from_stored(name.to_owned()),
        kind: UserKind::Guest,
        avatar_url: None,
        created_at: Timestamp::from_unix_millis(NOON).expect("a time"),
        deleted_at: None,
    }
}

/// An id of a message made of a number.
pub fn message_id(number: i64) -> MessageId {
    format!("0190a5b0-0000-7000-a000-{number:012x}").parse().expect("a UUID")
}

/// An id of a file made of a number.
pub fn attachment_id(number: u8) -> AttachmentId {
    format!("0190a5b0-0000-7000-b000-0000000000{number:02x}").parse().expect("a UUID")
}

/// A file of that number that is no image.
pub fn file(number: u8, name: &str) -> Attachment {
    Attachment {
        id: attachment_id(number),
        filename: name.to_owned(),
        content_type: "application/pdf".to_owned(),
        size: 70_000,
        width: None,
        height: None,
        url: format!("/files/{number}"),
        thumbnail_url: None,
        alt: None,
    }
}

/// An image of that number.
pub fn image(number: u8, name: &str) -> Attachment {
    Attachment {
        content_type: "image/png".to_owned(),
        width: Some(1_600),
        height: Some(900),
        thumbnail_url: Some(format!("/files/{number}?size=800")),
        ..file(number, name)
    }
}

/// The message of that number by user 1, one second after the one before, changed last at `rev`.
pub fn message(seq: i64, rev: i64) -> Message {
    Message {
        id: message_id(seq),
        room_id: room_id(1),
        seq: Seq(seq),
        rev: Rev(rev),
        author: Author::from(&user(1, "adam")),
        text: Some(format!("message {seq} at {rev}")),
        body: None,
        attachments: Vec::new(),
        reply_to: None,
        reactions: None,
        pinned_at: None,
        created_at: Timestamp::from_unix_millis(NOON + seq * 1_000).expect("a time"),
        edited_at: None,
        deleted_at: None,
    }
}

/// The event that such a message was sent.
pub fn created(seq: i64, rev: i64) -> ServerEvent {
    ServerEvent::MessageCreated(MessageChange::of(message(seq, rev)))
}

/// These messages as a page that is all there is.
pub fn page(items: Vec<Message>) -> MessagePage {
    MessagePage {
        items,
        context: Context::default(),
        mine: Mine::new(),
        next_cursor: None,
        prev_cursor: None,
    }
}
