//! Messages in the database: pages and writes.
//!
//! Every write increments the counters of the room in its transaction, under the row lock of the room. So the order of
//! `rev` is the order of commits.

mod create;

pub use create::{NewMessage, create, create_all, find_repeated};

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::files::Attachment;
use shared::ids::{MessageId, Rev, RoomId, Seq, UserId};
use shared::messages::{Message, MessagePage};
use shared::page::Cursor;
use shared::replies::ReplyTo;
use shared::stored::Stored;
use uuid::Uuid;

use super::authors::AuthorRow;
use super::page::{self, InvalidCursor};
use super::replies::{self, Beside, Prefetched, ThreadIfAny};
use super::schema::{messages, rooms, users};
use super::slice::{self, PageRange};
use super::{DbError, DbResult, Reader};
use crate::formatting::Formatted;

/// The constraint that keeps ids unique.
pub const ID_KEY: &str = "messages_pkey";

/// The public columns of `messages`.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = messages)]
pub(super) struct MessageRow {
    pub(super) id: Uuid,
    room_id: Uuid,
    seq: i64,
    rev: i64,
    text: Option<String>,
    created_at: DateTime<Utc>,
    edited_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    attachments: Option<String>,
    body: Option<String>,
    pub(super) excerpt: Option<String>,
    reply_to: Option<Uuid>,
    root_id: Option<Uuid>,
    reactions: Option<String>,
    pinned_at: Option<DateTime<Utc>>,
}

/// The columns that a [`Message`] is made of.
pub(super) type Columns =
    (diesel::dsl::AsSelect<MessageRow, diesel::pg::Pg>, diesel::dsl::AsSelect<AuthorRow, diesel::pg::Pg>);

/// The columns of a [`Message`], from `messages` joined with `users`.
pub(super) fn columns() -> Columns {
    (MessageRow::as_select(), AuthorRow::as_select())
}

/// The columns of an outer join, where there may be no message.
pub(super) type IfAny = (Option<MessageRow>, Option<AuthorRow>);

/// The columns of [`IfAny`], from outer joins.
pub(super) fn if_any() -> diesel::dsl::AsSelect<IfAny, diesel::pg::Pg> {
    IfAny::as_select()
}

/// Converts a row to a DTO.
pub(super) fn message((row, author): (MessageRow, AuthorRow)) -> Message {
    let MessageRow { id, room_id, seq, rev, text, created_at, edited_at, deleted_at, attachments, .. } = row;
    let reply_to = row.reply_to.zip(row.root_id);
    Message {
        id: MessageId(id),
        room_id: RoomId(room_id),
        seq: Seq(seq),
        rev: Rev(rev),
        author: author.into(),
        text,
        body: row.body.and_then(Stored::from_json),
        attachments: attachments.as_deref().map(super::attachments::from_json).unwrap_or_default(),
        reply_to: reply_to.map(|(id, root_id)| ReplyTo { id: MessageId(id), root_id: MessageId(root_id) }),
        reactions: row.reactions.and_then(Stored::from_json),
        pinned_at: row.pinned_at.map(Into::into),
        created_at: created_at.into(),
        edited_at: edited_at.map(Into::into),
        deleted_at: deleted_at.map(Into::into),
    }
}

/// One message, or its tombstone.
///
/// # Errors
/// [`super::DbError::NotFound`] if the room has no message of this id.
pub fn get(conn: &mut PgConnection, room_id: RoomId, id: MessageId) -> DbResult<Message> {
    let row = messages::table
        .inner_join(users::table)
        .filter(messages::id.eq(id.0))
        .filter(messages::room_id.eq(room_id.0))
        .select(columns())
        .first(conn)?;
    Ok(message(row))
}

/// Replaces the text of a message, if there is a new one, and the files that it has. The caller holds the lock of the room.
///
/// # Errors
/// [`super::DbError::NotFound`] if it does not exist.
pub fn update(
    conn: &mut PgConnection,
    id: MessageId,
    text: Option<(&str, &Formatted)>,
    attachments: &[Attachment],
    rev: Rev,
    now: DateTime<Utc>,
) -> DbResult<()> {
    diesel::update(messages::table.find(id.0))
        .set((
            text.map(|(text, format)| {
                (
                    messages::text.eq(text),
                    messages::body.eq(&format.body),
                    messages::excerpt.eq(&format.excerpt),
                )
            }),
            messages::attachments.eq(super::attachments::to_json(attachments)),
            messages::edited_at.eq(now),
            messages::rev.eq(rev.0),
        ))
        .returning(messages::id)
        .get_result::<Uuid>(conn)?;
    Ok(())
}

/// Turns messages into tombstones without text and files, numbered from `first` in the order of the ids. The caller holds the lock
/// of the room.
pub fn delete(conn: &mut PgConnection, ids: &[MessageId], first: Rev, now: DateTime<Utc>) -> DbResult<()> {
    use diesel::sql_types::{Array, BigInt, Timestamptz, Uuid as SqlUuid};

    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    diesel::sql_query(
        "UPDATE messages SET text = NULL, body = NULL, excerpt = NULL, attachments = NULL, \
         reactions = NULL, pinned_at = NULL, deleted_at = $1, rev = $2 + input.place - 1 \
         FROM unnest($3) WITH ORDINALITY AS input (id, place) WHERE messages.id = input.id",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(first.0)
    .bind::<Array<SqlUuid>, _>(&ids)
    .execute(conn)?;
    super::reactions::delete_of_messages(conn, &ids)?;
    super::edits::delete(conn, &ids)?;
    super::attachments::delete_of_messages(conn, &ids, now)
}

/// Those of the messages that are not deleted, in the order of `seq`.
pub fn not_deleted(conn: &mut PgConnection, room_id: RoomId, ids: &[MessageId]) -> DbResult<Vec<Message>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<(MessageRow, AuthorRow)> = messages::table
        .inner_join(users::table)
        .filter(messages::id.eq_any(ids))
        .filter(messages::room_id.eq(room_id.0))
        .filter(messages::deleted_at.is_null())
        .order(messages::seq)
        .select(columns())
        .load(conn)?;
    Ok(rows.into_iter().map(message).collect())
}

/// Pins a message, or unpins it. The caller holds the lock of the room.
pub fn set_pinned(
    conn: &mut PgConnection,
    id: MessageId,
    at: Option<DateTime<Utc>>,
    rev: Rev,
) -> DbResult<()> {
    diesel::update(messages::table.find(id.0))
        .set((messages::pinned_at.eq(at), messages::rev.eq(rev.0)))
        .execute(conn)?;
    Ok(())
}

/// The number of pinned messages of a room.
pub fn count_pinned(conn: &mut PgConnection, room_id: RoomId) -> DbResult<i64> {
    let pinned =
        messages::table.filter(messages::room_id.eq(room_id.0)).filter(messages::pinned_at.is_not_null());
    Ok(pinned.count().get_result(conn)?)
}

/// The pinned messages of a room, newest pin first.
pub fn pinned(conn: &mut PgConnection, room_id: RoomId) -> DbResult<Vec<Message>> {
    let rows: Vec<(MessageRow, AuthorRow)> = messages::table
        .inner_join(users::table)
        .filter(messages::room_id.eq(room_id.0))
        .filter(messages::pinned_at.is_not_null())
        .order((messages::pinned_at.desc(), messages::seq.desc()))
        .select(columns())
        .load(conn)?;
    Ok(rows.into_iter().map(message).collect())
}

/// The newest messages of a user in a room that were sent after `since` and are not deleted, oldest first. Only what was
/// sent in the room since then is read: there is no index by author.
pub fn newest_of_author(
    conn: &mut PgConnection,
    room_id: RoomId,
    author: UserId,
    since: DateTime<Utc>,
    limit: i64,
) -> DbResult<Vec<Message>> {
    let before: Option<i64> = messages::table
        .filter(messages::room_id.eq(room_id.0))
        .filter(messages::created_at.lt(since))
        .order(messages::seq.desc())
        .select(messages::seq)
        .first(conn)
        .optional()?;
    let rows: Vec<(MessageRow, AuthorRow)> = messages::table
        .inner_join(users::table)
        .filter(messages::room_id.eq(room_id.0))
        .filter(messages::seq.gt(before.unwrap_or(0)))
        .filter(messages::author_id.eq(author.0))
        .filter(messages::deleted_at.is_null())
        .order(messages::seq.desc())
        .limit(limit)
        .select(columns())
        .load(conn)?;
    Ok(rows.into_iter().rev().map(message).collect())
}

/// The ids of the messages of a user that are not deleted, among so many of a room after a position. Also returns the
/// position to go on from; `None` at the end of the room.
pub fn ids_of_author(
    conn: &mut PgConnection,
    room_id: RoomId,
    author: UserId,
    after: Seq,
    count: i64,
) -> DbResult<(Vec<MessageId>, Option<Seq>)> {
    let last: i64 = rooms::table.find(room_id.0).select(rooms::last_seq).first(conn)?;
    let end = after.0 + count;
    let ids: Vec<Uuid> = messages::table
        .filter(messages::room_id.eq(room_id.0))
        .filter(messages::seq.gt(after.0))
        .filter(messages::seq.le(end))
        .filter(messages::author_id.eq(author.0))
        .filter(messages::deleted_at.is_null())
        .order(messages::seq)
        .select(messages::id)
        .load(conn)?;
    Ok((ids.into_iter().map(MessageId).collect(), (end < last).then_some(Seq(end))))
}

/// The position of a page in the history of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The newest messages.
    Newest,
    /// The messages before this position.
    Before(Seq),
    /// The messages after this position.
    After(Seq),
    /// The message at this position and those on both sides.
    Around(Seq),
    /// This message and those on both sides.
    AroundMessage(MessageId),
}

const TAG: u8 = b'm';

/// Decodes a cursor of a list of messages.
///
/// # Errors
/// [`InvalidCursor`] for any other text.
pub fn parse_cursor(cursor: &str) -> Result<Seq, InvalidCursor> {
    page::number(&page::decode::<8>(TAG, cursor)?).map(Seq)
}

/// The cursor of a position.
pub fn cursor(seq: Seq) -> Cursor {
    page::encode(TAG, &seq.0.to_be_bytes())
}

/// A page of messages, oldest to newest, with tombstones; `None` if it was requested around a message that is not in
/// the room.
///
/// # Errors
/// [`super::DbError::NotFound`] for a room that is unknown, deleted, or hidden from the reader.
pub fn list(
    conn: &mut PgConnection,
    reader: Reader,
    room_id: RoomId,
    position: Position,
    limit: u32,
) -> DbResult<Option<MessagePage>> {
    let range = match position {
        Position::Newest => PageRange::Before(Seq(i64::MAX)),
        Position::Before(seq) => PageRange::Before(seq),
        Position::After(seq) => PageRange::After(seq),
        Position::Around(seq) => PageRange::Around(seq),
        Position::AroundMessage(id) => PageRange::AroundMessage(id),
    };
    let Found { messages: mut items, mut prefetched, last_seq: newest, .. } =
        find(conn, reader, room_id, range, i64::from(limit))?;
    let middle = match position {
        Position::Around(seq) => Some(items.partition_point(|message| message.seq <= seq)),
        Position::AroundMessage(id) => match items.iter().position(|message| message.id == id) {
            Some(place) => Some(place + 1),
            None => return Ok(None),
        },
        _ => None,
    };
    if let Some(middle) = middle {
        items = around(items, middle, limit as usize);
    }
    prefetched.retain(&items);
    let beside = replies::beside_prefetched(conn, &items, &prefetched, reader.user(), false)?;
    let (before, after) = match (items.first(), items.last(), position) {
        (Some(first), Some(last), _) => (first.seq, last.seq),
        // No message is before the position, so this is the beginning.
        (_, _, Position::Before(seq)) => (Seq(1), Seq(seq.0.saturating_sub(1).clamp(0, newest.0))),
        (_, _, Position::After(seq)) => (Seq(seq.0.min(newest.0).saturating_add(1)), seq),
        _ => (Seq(1), newest),
    };
    Ok(Some(MessagePage {
        context: beside.context,
        mine: beside.mine,
        prev_cursor: (before > Seq(1)).then(|| cursor(before)),
        next_cursor: (after < newest).then(|| cursor(after)),
        items,
    }))
}

/// A page of a thread, oldest to newest: its first message and the replies. `None` if the room has no such thread.
///
/// # Errors
/// [`super::DbError::NotFound`] for a room that is unknown, deleted, or hidden from the reader.
pub fn list_thread(
    conn: &mut PgConnection,
    reader: Reader,
    room_id: RoomId,
    root: MessageId,
    position: Position,
    limit: u32,
) -> DbResult<Option<MessagePage>> {
    let limit = limit as usize;
    let (range, is_before) = match position {
        Position::After(seq) => (PageRange::ThreadAfter(root, seq), false),
        Position::Before(seq) => (PageRange::ThreadBefore(root, seq), true),
        _ => (PageRange::ThreadBefore(root, Seq(i64::MAX)), true),
    };
    // One more tells whether there are others.
    let Found { messages: mut items, prefetched, .. } = find(conn, reader, room_id, range, limit as i64 + 1)?;
    let has_more = items.len() > limit;
    if is_before {
        items.drain(..items.len().saturating_sub(limit));
    } else {
        items.truncate(limit);
    }
    if items.is_empty() && !exists(conn, room_id, root)? {
        return Ok(None);
    }
    let Beside { context, mine } =
        replies::beside_prefetched(conn, &items, &prefetched, reader.user(), false)?;
    let (has_prev, has_next) = match position {
        Position::After(_) => (true, has_more),
        Position::Before(_) => (has_more, true),
        _ => (has_more, false),
    };
    Ok(Some(MessagePage {
        prev_cursor: items.first().filter(|_| has_prev).map(|first| cursor(first.seq)),
        next_cursor: items.last().filter(|_| has_next).map(|last| cursor(last.seq)),
        items,
        context,
        mine,
    }))
}

fn exists(conn: &mut PgConnection, room_id: RoomId, id: MessageId) -> DbResult<bool> {
    let found = messages::table.filter(messages::id.eq(id.0)).filter(messages::room_id.eq(room_id.0));
    Ok(diesel::select(diesel::dsl::exists(found)).get_result(conn)?)
}

/// `limit` of the messages, half of them on each side of `middle`. If one side has fewer, the other side has more.
fn around(mut messages: Vec<Message>, middle: usize, limit: usize) -> Vec<Message> {
    let half = limit / 2;
    let missing_after = half.saturating_sub(messages.len() - middle);
    let from = middle.saturating_sub(limit - half + missing_after);
    messages.drain(..from);
    messages.truncate(limit);
    messages
}

/// The newest messages of a room, oldest first, and the `rev` of the room in the same snapshot.
///
/// # Errors
/// [`super::DbError::NotFound`] for a room that is unknown, deleted, or hidden from the reader.
pub fn newest(
    conn: &mut PgConnection,
    reader: Reader,
    room_id: RoomId,
    limit: usize,
) -> DbResult<(Rev, Vec<Message>, Beside)> {
    let Found { messages, prefetched, rev, .. } =
        find(conn, reader, room_id, PageRange::Before(Seq(i64::MAX)), limit as i64)?;
    let beside = replies::beside_prefetched(conn, &messages, &prefetched, reader.user(), false)?;
    Ok((rev, messages, beside))
}

/// What was read with messages.
pub(super) fn prefetched_of<'a>(rows: impl IntoIterator<Item = (&'a mut IfAny, ThreadIfAny)>) -> Prefetched {
    let mut prefetched = Prefetched::default();
    for ((row, _), thread) in rows {
        if let Some(row) = row {
            prefetched.add(row.id, row.excerpt.take(), thread);
        }
    }
    prefetched
}

/// A range of messages, oldest first, and the room's counters in the same snapshot.
struct Found {
    messages: Vec<Message>,
    prefetched: Prefetched,
    last_seq: Seq,
    rev: Rev,
}

fn find(
    conn: &mut PgConnection,
    reader: Reader,
    room_id: RoomId,
    range: PageRange,
    limit: i64,
) -> DbResult<Found> {
    let columns = (rooms::last_seq, rooms::rev, if_any(), replies::thread_if_any());
    let mut rows: Vec<(i64, i64, IfAny, ThreadIfAny)> =
        slice::read(conn, reader, room_id, range, limit, columns)?;
    let (last_seq, rev) = rows.first().map(|row| (row.0, row.1)).ok_or(DbError::NotFound)?;
    let prefetched = prefetched_of(rows.iter_mut().map(|(.., row, thread)| (row, *thread)));
    let found = |(_, _, (row, author), _): (_, _, IfAny, _)| row.zip(author).map(message);
    let mut messages: Vec<Message> = rows.into_iter().filter_map(found).collect();
    messages.sort_by_key(|message| message.seq);
    Ok(Found { messages, prefetched, last_seq: Seq(last_seq), rev: Rev(rev) })
}
