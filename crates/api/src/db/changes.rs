//! What changed in a room since a `rev`: one indexed range read, with no event log to keep or to prune.
//!
//! The idea that IMAP calls CONDSTORE and QRESYNC (RFC 7162).

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

/// A room and what changed in it, both as of the room's `rev`.
pub struct ChangesSince {
    /// The room.
    pub room: RoomRow,
    /// The messages whose latest change lies after the asked `rev`, by `rev`.
    pub messages: Vec<Changed>,
    /// Whether there are more than the limit let through.
    pub has_more: bool,
}

/// A message that changed.
pub struct Changed {
    /// The message as it is now.
    pub message: Message,
    /// The `rev` it was created with.
    pub born_rev: Rev,
}

impl Changed {
    /// What the message is to somebody who was away since `since`: gone, new, or different.
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

/// Everything that changed after `since`, up to `limit` messages. Without `since` nothing changed.
///
/// Because the room's row lock is held to the commit, a statement that sees the room at `rev` sees all changes up to it
/// and none after it.
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
