//! The changes of a room since a `rev`: an indexed range read, which needs no event log.
//!
//! The same idea as CONDSTORE and QRESYNC of IMAP (RFC 7162).

use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::events::{MessageChange, ServerEvent};
use shared::ids::{Rev, RoomId};
use shared::messages::Message;

use super::messages::{IfAny, if_any, message};
use super::page::{self, Direction};
use super::rooms::{self, RoomRow};
use super::schema::messages;
use super::slice::{PageRange, Slice};
use super::{DbError, DbResult};

/// A room and its changed messages, both as of the `rev` of the room.
pub struct ChangesSince {
    /// The room.
    pub room: RoomRow,
    /// The messages whose latest change is after the requested `rev`, ordered by `rev`.
    pub messages: Vec<Changed>,
    /// Whether there are more than the limit.
    pub has_more: bool,
}

/// A message that changed.
pub struct Changed {
    /// The current state of the message.
    pub message: Message,
    /// The `rev` it was created with.
    pub born_rev: Rev,
}

impl Changed {
    /// The event for a client that has the changes up to `since`: the message was deleted, created or updated.
    pub fn event(self, since: Rev) -> ServerEvent {
        let Self { message, born_rev } = self;
        let is_deleted = message.deleted_at.is_some();
        let change = MessageChange { room_id: message.room_id, rev: message.rev, message };
        if is_deleted {
            ServerEvent::MessageDeleted(change)
        } else if born_rev > since {
            ServerEvent::MessageCreated(change)
        } else {
            ServerEvent::MessageUpdated(change)
        }
    }
}

/// The changes after `since`, up to `limit` messages. Without `since`, only the room.
///
/// Because every change holds the row lock of the room until its commit, a statement that sees the room at `rev` sees
/// all changes up to `rev` and none after.
///
/// # Errors
/// [`DbError::NotFound`] for an unknown or deleted room.
pub fn list(
    conn: &mut PgConnection,
    room_id: RoomId,
    since: Option<Rev>,
    limit: usize,
) -> DbResult<ChangesSince> {
    let Some(since) = since else {
        let room = rooms::get(conn, room_id)?;
        return Ok(ChangesSince { room, messages: Vec::new(), has_more: false });
    };
    let slice = Slice {
        columns: (RoomRow::as_select(), messages::born_rev.nullable(), if_any()),
        room_id,
        range: PageRange::ChangedAfter(since),
        limit: limit as i64 + 1,
    };
    let rows: Vec<(RoomRow, Option<i64>, IfAny)> = slice.load(conn)?;
    let room = rows.first().map(|(room, ..)| room.clone()).ok_or(DbError::NotFound)?;
    let changed = |(_, born_rev, (row, author)): (_, Option<i64>, IfAny)| {
        Some(Changed { message: message((row?, author?)), born_rev: Rev(born_rev?) })
    };
    let mut messages: Vec<Changed> = rows.into_iter().filter_map(changed).collect();
    messages.sort_by_key(|changed| changed.message.rev);
    let (messages, has_more) = page::trim(messages, limit, Direction::After);
    Ok(ChangesSince { room, messages, has_more })
}

/// Whether more than `count` messages changed after `since`.
pub fn are_more_than(conn: &mut PgConnection, room_id: RoomId, since: Rev, count: usize) -> DbResult<bool> {
    let beyond: Option<i64> = messages::table
        .filter(messages::room_id.eq(room_id.0))
        .filter(messages::rev.gt(since.0))
        .order(messages::rev)
        .offset(count as i64)
        .select(messages::rev)
        .first(conn)
        .optional()?;
    Ok(beyond.is_some())
}
