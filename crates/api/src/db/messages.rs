//! Messages in the database: pages of them, and the writes that number them.
//!
//! Every write moves the room's counters in its own transaction, under the room's row lock, so the order of `rev`
//! is the order of commits.

mod create;

pub use create::{NewMessage, Stored, create_all};

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::{MessageId, Rev, RoomId, Seq, UserId};
use shared::messages::{Author, Message, MessageText};
use shared::page::{Cursor, Page};
use shared::users::Username;
use uuid::Uuid;

use super::page::{self, InvalidCursor};
use super::schema::{messages, rooms as rooms_table, users};
use super::{DbError, DbResult, rooms};

/// A row of `messages`, as far as people may see it.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = messages)]
pub(super) struct MessageRow {
    id: Uuid,
    room_id: Uuid,
    seq: i64,
    rev: i64,
    text: Option<String>,
    created_at: DateTime<Utc>,
    edited_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
}

/// The author's part of a message: a row of `users`.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub(super) struct AuthorRow {
    id: Uuid,
    username: String,
    kind: String,
}

impl From<AuthorRow> for Author {
    fn from(row: AuthorRow) -> Self {
        let AuthorRow { id, username, kind } = row;
        Self {
            id: UserId(id),
            username: Username::from_stored(username),
            kind: super::users::kind_from_text(&kind),
        }
    }
}

/// What is selected for a [`Message`].
pub(super) type Columns =
    (diesel::dsl::AsSelect<MessageRow, diesel::pg::Pg>, diesel::dsl::AsSelect<AuthorRow, diesel::pg::Pg>);

/// The columns of a [`Message`], from `messages` joined with `users`.
pub(super) fn columns() -> Columns {
    (MessageRow::as_select(), AuthorRow::as_select())
}

/// Out: row to DTO.
pub(super) fn message((row, author): (MessageRow, AuthorRow)) -> Message {
    let MessageRow { id, room_id, seq, rev, text, created_at, edited_at, deleted_at } = row;
    Message {
        id: MessageId(id),
        room_id: RoomId(room_id),
        seq: Seq(seq),
        rev: Rev(rev),
        author: author.into(),
        text,
        created_at: created_at.into(),
        edited_at: edited_at.map(Into::into),
        deleted_at: deleted_at.map(Into::into),
    }
}

/// One message, the tombstone if it was deleted.
///
/// # Errors
/// [`super::DbError::NotFound`] when there is none of that id in that room.
pub fn get(conn: &mut PgConnection, room_id: RoomId, id: MessageId) -> DbResult<Message> {
    let row = messages::table
        .inner_join(users::table)
        .filter(messages::id.eq(id.0))
        .filter(messages::room_id.eq(room_id.0))
        .select(columns())
        .first(conn)?;
    Ok(message(row))
}

/// Gives a message another text, under its room's lock: one change, one `rev`.
///
/// # Errors
/// [`super::DbError::NotFound`] when it is not there.
pub fn update(
    conn: &mut PgConnection,
    id: MessageId,
    text: &MessageText,
    rev: Rev,
    now: DateTime<Utc>,
) -> DbResult<()> {
    diesel::update(messages::table.find(id.0))
        .set((messages::text.eq(text.as_str()), messages::edited_at.eq(now), messages::rev.eq(rev.0)))
        .returning(messages::id)
        .get_result::<Uuid>(conn)?;
    Ok(())
}

/// Makes a tombstone of a message, under its room's lock: the text is gone, its place stays.
///
/// # Errors
/// [`super::DbError::NotFound`] when it is not there.
pub fn delete(conn: &mut PgConnection, id: MessageId, rev: Rev, now: DateTime<Utc>) -> DbResult<()> {
    diesel::update(messages::table.find(id.0))
        .set((messages::text.eq(None::<String>), messages::deleted_at.eq(now), messages::rev.eq(rev.0)))
        .returning(messages::id)
        .get_result::<Uuid>(conn)?;
    Ok(())
}

/// Which part of a room's history a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The newest messages.
    Newest,
    /// The messages before this place.
    Before(Seq),
    /// The messages after this place.
    After(Seq),
    /// The messages on both sides of this place, and the one at it.
    Around(Seq),
}

const TAG: u8 = b'm';

/// The place that a cursor of a message list means.
///
/// # Errors
/// [`InvalidCursor`] for any other text.
pub fn parse_cursor(cursor: &str) -> Result<Seq, InvalidCursor> {
    page::decode::<8>(TAG, cursor).map(|key| Seq(i64::from_be_bytes(key)))
}

/// The cursor of a place.
pub fn cursor(seq: Seq) -> Cursor {
    page::encode(TAG, &seq.0.to_be_bytes())
}

/// A page of a room's messages, oldest to newest, tombstones included.
///
/// # Errors
/// [`super::DbError::NotFound`] for an unknown or deleted room.
pub fn list(
    conn: &mut PgConnection,
    room_id: RoomId,
    position: Position,
    limit: u32,
) -> DbResult<Page<Message>> {
    let limit = i64::from(limit);
    let Slice { messages: items, newest } = match position {
        Position::Newest => older(conn, room_id, Seq(i64::MAX), limit)?,
        Position::Before(seq) => older(conn, room_id, seq, limit)?,
        Position::After(seq) => newer(conn, room_id, seq, limit)?,
        Position::Around(seq) => {
            // What one side lacks, the other may have.
            let half = limit / 2;
            let mut after = newer(conn, room_id, seq, limit - 1)?;
            let missing_after = (half - after.messages.len() as i64).max(0);
            let mut around = older(conn, room_id, seq.next(), limit - half + missing_after)?;
            after.messages.truncate((limit - around.messages.len() as i64) as usize);
            around.messages.append(&mut after.messages);
            around.newest = around.newest.max(after.newest);
            around
        }
    };
    let newest = match newest {
        Some(newest) => newest,
        None => shared::rooms::Room::from(rooms::get(conn, room_id)?).last_seq,
    };
    let (before, after) = match (items.first(), items.last(), position) {
        (Some(first), Some(last), _) => (first.seq, last.seq),
        // Nothing lies before it, so this is the beginning.
        (_, _, Position::Before(seq)) => (Seq(1), Seq(seq.0.saturating_sub(1).min(newest.0))),
        (_, _, Position::After(seq)) => (Seq(seq.0.min(newest.0).saturating_add(1)), seq),
        _ => (Seq(1), newest),
    };
    Ok(Page {
        prev_cursor: (before > Seq(1)).then(|| cursor(before)),
        next_cursor: (after < newest).then(|| cursor(after)),
        items,
    })
}

/// A room's last messages, oldest first, and the `rev` at which they are the last.
///
/// # Errors
/// [`super::DbError::NotFound`] for an unknown or deleted room.
pub fn newest(conn: &mut PgConnection, room_id: RoomId, limit: usize) -> DbResult<(Rev, Vec<Message>)> {
    conn.build_transaction().read_only().repeatable_read().run::<_, DbError, _>(|conn| {
        let room = shared::rooms::Room::from(rooms::get(conn, room_id)?);
        Ok((room.rev, older(conn, room_id, Seq(i64::MAX), limit as i64)?.messages))
    })
}

/// Messages that lie side by side, oldest first.
struct Slice {
    messages: Vec<Message>,
    /// The room's newest message as the same statement saw it: unknown where there are none.
    newest: Option<Seq>,
}

impl Slice {
    fn new(rows: Vec<(i64, (MessageRow, AuthorRow))>) -> Self {
        let newest = rows.first().map(|(last_seq, _)| Seq(*last_seq));
        Self { newest, messages: rows.into_iter().map(|(_, row)| message(row)).collect() }
    }
}

/// The messages before a place, read from the newest backwards, given oldest first. None of a room that is gone.
fn older(conn: &mut PgConnection, room_id: RoomId, before: Seq, limit: i64) -> DbResult<Slice> {
    let mut rows: Vec<(i64, (MessageRow, AuthorRow))> = messages::table
        .inner_join(users::table)
        .inner_join(rooms_table::table)
        .filter(messages::room_id.eq(room_id.0))
        .filter(messages::seq.lt(before.0))
        .filter(rooms_table::deleted_at.is_null())
        .order(messages::seq.desc())
        .limit(limit)
        .select((rooms_table::last_seq, columns()))
        .load(conn)?;
    rows.reverse();
    Ok(Slice::new(rows))
}

/// The messages after a place, oldest first. None of a room that is gone.
fn newer(conn: &mut PgConnection, room_id: RoomId, after: Seq, limit: i64) -> DbResult<Slice> {
    let rows: Vec<(i64, (MessageRow, AuthorRow))> = messages::table
        .inner_join(users::table)
        .inner_join(rooms_table::table)
        .filter(messages::room_id.eq(room_id.0))
        .filter(messages::seq.gt(after.0))
        .filter(rooms_table::deleted_at.is_null())
        .order(messages::seq.asc())
        .limit(limit)
        .select((rooms_table::last_seq, columns()))
        .load(conn)?;
    Ok(Slice::new(rows))
}
