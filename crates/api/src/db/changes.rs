//! The changes of a room since a `rev`: an indexed range read, which needs no event log.
//!
//! The same idea as CONDSTORE and QRESYNC of IMAP (RFC 7162).

use chrono::Utc;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::events::{MemberChange, MessageChange, ServerEvent};
use shared::ids::{Rev, RoomId};
use shared::members::MembershipChange;
use shared::messages::Message;

use super::members::{self, ChangedMember};
use super::messages::{IfAny, if_any, message, prefetched_of};
use super::replies::{self, Beside, ThreadIfAny};
use super::rooms::RoomRow;
use super::schema::{memberships, messages};
use super::slice::{self, PageRange};
use super::{DbError, DbResult, Reader};

/// A room and what changed in it, both as of the `rev` of the room.
pub struct ChangesSince {
    /// The room.
    pub room: RoomRow,
    /// What changed last after the requested `rev`, ordered by `rev`.
    pub changed: Vec<Changed>,
    /// Whether there are more than the limit.
    pub has_more: bool,
}

/// Something that changed.
#[derive(Debug)]
pub enum Changed {
    /// A message.
    Message {
        /// The current state of the message.
        message: Message,
        /// The `rev` it was created with.
        born_rev: Rev,
        /// What stands beside it.
        beside: Box<Beside>,
    },
    /// A membership.
    Member(ChangedMember),
}

impl Changed {
    /// The `rev` of the latest change.
    pub fn rev(&self) -> Rev {
        match self {
            Self::Message { message, .. } => message.rev,
            Self::Member(member) => member.change.rev(),
        }
    }

    /// The event for a client that has the changes up to `since`.
    pub fn event(self, room_id: RoomId, since: Rev) -> ServerEvent {
        match self {
            Self::Message { message, born_rev, beside } => {
                let is_deleted = message.deleted_at.is_some();
                let Beside { context, mine } = *beside;
                let change = MessageChange { room_id, rev: message.rev, message, context, mine };
                if is_deleted {
                    ServerEvent::MessageDeleted(change)
                } else if born_rev > since {
                    ServerEvent::MessageCreated(change)
                } else {
                    ServerEvent::MessageUpdated(change)
                }
            }
            Self::Member(ChangedMember { change, joined_rev }) => match change {
                MembershipChange::Member { member, rev } => {
                    let change = MemberChange { room_id, rev, member };
                    if joined_rev > since {
                        ServerEvent::MemberJoined(change)
                    } else {
                        ServerEvent::MemberUpdated(change)
                    }
                }
                MembershipChange::Left { user_id, reason, rev, .. } => {
                    ServerEvent::MemberLeft { room_id, rev, user_id, reason }
                }
            },
        }
    }
}

/// The changes after `since`, up to `limit` messages and memberships. Without `since`, only the room.
///
/// Because every change holds the row lock of the room until its commit, a statement that sees the room at `rev` sees
/// all changes up to `rev` and none after. The memberships are read by a second statement: what changed between the two
/// lies beyond `rev`, and is left to the next read.
///
/// # Errors
/// [`DbError::NotFound`] for a room that is unknown, deleted, or hidden from the reader.
pub fn list(
    conn: &mut PgConnection,
    reader: Reader,
    room_id: RoomId,
    since: Option<Rev>,
    limit: usize,
) -> DbResult<ChangesSince> {
    let (range, wanted) = match since {
        Some(since) => (PageRange::ChangedAfter(since), limit as i64 + 1),
        None => (PageRange::ChangedAfter(Rev(i64::MAX)), 0),
    };
    let columns = (RoomRow::as_select(), messages::born_rev.nullable(), if_any(), replies::thread_if_any());
    let mut rows: Vec<(RoomRow, Option<i64>, IfAny, ThreadIfAny)> =
        slice::read(conn, reader, room_id, range, wanted, columns)?;
    let room = rows.first().map(|(room, ..)| room.clone()).ok_or(DbError::NotFound)?;
    let prefetched = prefetched_of(rows.iter_mut().map(|(.., row, thread)| (row, *thread)));
    let (messages, revs): (Vec<Message>, Vec<Rev>) = rows
        .into_iter()
        .filter_map(|(_, born_rev, (row, author), _)| Some((message((row?, author?)), Rev(born_rev?))))
        .unzip();
    let beside = replies::beside_prefetched(conn, &messages, &prefetched, reader.user(), true)?;
    let changed = |(message, born_rev)| {
        // Nobody has quotes of what is new to them.
        let is_known = since.is_some_and(|since| born_rev <= since);
        let beside = Box::new(beside.of(&message, is_known));
        Changed::Message { message, born_rev, beside }
    };
    let mut changed: Vec<Changed> = messages.into_iter().zip(revs).map(changed).collect();
    if let Some(since) = since.filter(|since| *since < room.rev()) {
        let members = members::changed(conn, room_id, since, room.rev(), limit + 1, Utc::now())?;
        changed.extend(members.into_iter().map(Changed::Member));
    }
    changed.sort_by_key(Changed::rev);
    let has_more = changed.len() > limit;
    changed.truncate(if since.is_some() { limit } else { 0 });
    Ok(ChangesSince { room, changed, has_more })
}

/// Whether more than `count` messages, or as many memberships, changed after `since`.
pub fn are_more_than(conn: &mut PgConnection, room_id: RoomId, since: Rev, count: usize) -> DbResult<bool> {
    let message: Option<i64> = messages::table
        .filter(messages::room_id.eq(room_id.0))
        .filter(messages::rev.gt(since.0))
        .order(messages::rev)
        .offset(count as i64)
        .select(messages::rev)
        .first(conn)
        .optional()?;
    let membership: Option<i64> = memberships::table
        .filter(memberships::room_id.eq(room_id.0))
        .filter(memberships::rev.gt(since.0))
        .order(memberships::rev)
        .offset(count as i64)
        .select(memberships::rev)
        .first(conn)
        .optional()?;
    Ok(message.is_some() || membership.is_some())
}
