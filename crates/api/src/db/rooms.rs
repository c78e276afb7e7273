//! Rooms in the database.

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Timestamptz, Uuid as SqlUuid};
use shared::ids::{Rev, RoomId, Seq, UserId};
use shared::page::{Cursor, Page};
use shared::rooms::{Room, RoomName};
use uuid::Uuid;

use super::name_key::name_key;
use super::page::{self, Direction, InvalidCursor};
use super::schema::{messages, rooms};
use super::sent_hash::sent_hash;
use super::{DbError, DbResult};

/// The constraint that keeps names unique. `crate::error` maps it to an error code.
pub const NAME_KEY: &str = "rooms_name_key";
/// The constraint that keeps ids unique. `crate::error` maps it to an error code.
pub const ID_KEY: &str = "rooms_pkey";

/// A row of `rooms`.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = rooms)]
pub struct RoomRow {
    id: Uuid,
    name: String,
    created_by: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    last_seq: i64,
    rev: i64,
    updated_rev: i64,
}

impl RoomRow {
    /// The `rev` of the latest change to the room itself; zero if it was never changed.
    pub fn updated_rev(&self) -> Rev {
        Rev(self.updated_rev)
    }
}

impl From<RoomRow> for Room {
    /// Only the hub knows the number of users online, and adds it.
    fn from(row: RoomRow) -> Self {
        let RoomRow { id, name, created_by, created_at, updated_at, last_seq, rev, updated_rev: _ } = row;
        Self {
            id: RoomId(id),
            name: RoomName::from_stored(name),
            created_by: created_by.map(UserId),
            created_at: created_at.into(),
            updated_at: updated_at.into(),
            last_seq: Seq(last_seq),
            rev: Rev(rev),
            online: 0,
        }
    }
}

/// A room to create.
#[derive(Clone, Debug)]
pub struct NewRoom {
    /// The id, chosen by the client or the server.
    pub id: RoomId,
    /// The name.
    pub name: RoomName,
    /// The creator; `None` is the server itself.
    pub created_by: Option<UserId>,
    /// The server's time, in whole milliseconds.
    pub created_at: DateTime<Utc>,
}

/// The outcome of creating a room.
#[derive(Clone, Debug)]
pub enum StoredRoom {
    /// It was created: a change to publish.
    Created(Room),
    /// The same request created it before; this is the current state of the room.
    Repeated(Room),
    /// Another room or a deleted room has the id.
    IdReused,
}

/// Creates a room, unless it exists.
///
/// # Errors
/// [`DbError::Conflict`] with [`NAME_KEY`] when another room has that name.
pub fn create(conn: &mut PgConnection, new: &NewRoom) -> DbResult<StoredRoom> {
    let inserted = diesel::insert_into(rooms::table)
        .values((
            rooms::id.eq(new.id.0),
            rooms::name.eq(new.name.as_str()),
            rooms::name_key.eq(name_key(new.name.as_str())),
            rooms::sent_hash.eq(sent_hash(new.name.as_str())),
            rooms::created_by.eq(new.created_by.map(|id| id.0)),
            rooms::created_at.eq(new.created_at),
            rooms::updated_at.eq(new.created_at),
        ))
        .returning(RoomRow::as_returning())
        .get_result::<RoomRow>(conn);
    match inserted.map_err(DbError::from) {
        Ok(row) => Ok(StoredRoom::Created(row.into())),
        // A repeat violates both constraints, and Postgres reports the one that it checks first.
        Err(DbError::Conflict(constraint)) => find_repeated(conn, new)?.ok_or(DbError::Conflict(constraint)),
        Err(error) => Err(error),
    }
}

/// The outcome of creating a room whose id is in use; `None` if it is not in use.
///
/// # Errors
/// Errors of the database.
pub fn find_repeated(conn: &mut PgConnection, new: &NewRoom) -> DbResult<Option<StoredRoom>> {
    let found: Option<(RoomRow, Option<i64>, Option<DateTime<Utc>>)> = rooms::table
        .find(new.id.0)
        .select((RoomRow::as_select(), rooms::sent_hash, rooms::deleted_at))
        .first(conn)
        .optional()?;
    Ok(found.map(|(row, hash, deleted_at)| {
        let is_same = deleted_at.is_none()
            && row.created_by == new.created_by.map(|id| id.0)
            && hash == Some(sent_hash(new.name.as_str()));
        if is_same { StoredRoom::Repeated(row.into()) } else { StoredRoom::IdReused }
    }))
}

/// Whether the database never had a room.
pub fn none_ever(conn: &mut PgConnection) -> DbResult<bool> {
    let any: bool = diesel::select(diesel::dsl::exists(rooms::table.select(rooms::id))).get_result(conn)?;
    Ok(!any)
}

/// One room.
///
/// # Errors
/// [`DbError::NotFound`] for an unknown or deleted one.
pub fn get(conn: &mut PgConnection, id: RoomId) -> DbResult<RoomRow> {
    Ok(rooms::table
        .find(id.0)
        .filter(rooms::deleted_at.is_null())
        .select(RoomRow::as_select())
        .first(conn)?)
}

/// The tombstone of a deleted room.
///
/// # Errors
/// [`DbError::NotFound`] if there is none, or it is purged.
pub fn get_deleted(conn: &mut PgConnection, id: RoomId) -> DbResult<Room> {
    let row: RoomRow = rooms::table
        .find(id.0)
        .filter(rooms::deleted_at.is_not_null())
        .select(RoomRow::as_select())
        .first(conn)?;
    Ok(row.into())
}

/// One room, locked until the transaction ends. Its counters may only be changed under this lock.
///
/// # Errors
/// [`DbError::NotFound`] for an unknown or deleted one.
pub fn lock(conn: &mut PgConnection, id: RoomId) -> DbResult<Room> {
    let row: RoomRow = rooms::table
        .find(id.0)
        .filter(rooms::deleted_at.is_null())
        .select(RoomRow::as_select())
        .for_update()
        .first(conn)?;
    Ok(row.into())
}

/// Renames a locked room. This is a change with the next `rev`.
///
/// # Errors
/// [`DbError::Conflict`] with [`NAME_KEY`] when another room has that name.
pub fn update(conn: &mut PgConnection, room: &Room, name: &RoomName, now: DateTime<Utc>) -> DbResult<Room> {
    let rev = room.rev.next();
    let row: RoomRow = diesel::update(rooms::table.find(room.id.0))
        .set((
            rooms::name.eq(name.as_str()),
            rooms::name_key.eq(name_key(name.as_str())),
            rooms::updated_at.eq(now),
            rooms::rev.eq(rev.0),
            rooms::updated_rev.eq(rev.0),
        ))
        .returning(RoomRow::as_returning())
        .get_result(conn)?;
    Ok(row.into())
}

/// Marks a locked room as deleted. [`purge`] deletes the rows later, because millions of messages take longer than a
/// request may.
pub fn delete(conn: &mut PgConnection, room: &Room, now: DateTime<Utc>) -> DbResult<Room> {
    let row: RoomRow = diesel::update(rooms::table.find(room.id.0))
        .set((rooms::deleted_at.eq(now), rooms::updated_at.eq(now), rooms::rev.eq(room.rev.next().0)))
        .returning(RoomRow::as_returning())
        .get_result(conn)?;
    Ok(row.into())
}

/// Sets the `rev` of a locked room after a change to one of its messages.
pub fn set_rev(conn: &mut PgConnection, id: RoomId, rev: Rev) -> DbResult<()> {
    diesel::update(rooms::table.find(id.0)).set(rooms::rev.eq(rev.0)).execute(conn)?;
    Ok(())
}

/// Deletes up to `limit` messages of a deleted room, or the room if it has none left. Returns whether there may be
/// more.
pub fn purge(conn: &mut PgConnection, limit: i64) -> DbResult<bool> {
    let deleted: Vec<Uuid> = rooms::table
        .filter(rooms::deleted_at.is_not_null())
        .order(rooms::deleted_at)
        .limit(1)
        .select(rooms::id)
        .load(conn)?;
    let Some(room_id) = deleted.first() else { return Ok(false) };
    let batch: Vec<Uuid> = messages::table
        .filter(messages::room_id.eq(room_id))
        .order(messages::seq)
        .limit(limit)
        .select(messages::id)
        .load(conn)?;
    if batch.is_empty() {
        diesel::delete(rooms::table.find(room_id)).execute(conn)?;
    } else {
        diesel::delete(messages::table.filter(messages::id.eq_any(batch))).execute(conn)?;
    }
    Ok(true)
}

/// The key and direction of a page of rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomKey {
    direction: Direction,
    created_at_micros: i64,
    id: Uuid,
}

const TAG_AFTER: u8 = b'r';
const TAG_BEFORE: u8 = b'R';
const KEY_LENGTH: usize = 24;

impl RoomKey {
    fn of(room: &Room, direction: Direction) -> Cursor {
        let mut key = [0; KEY_LENGTH];
        let created_at = DateTime::<Utc>::from(room.created_at);
        key[..8].copy_from_slice(&created_at.timestamp_micros().to_be_bytes());
        key[8..].copy_from_slice(room.id.0.as_bytes());
        let tag = match direction {
            Direction::After => TAG_AFTER,
            Direction::Before => TAG_BEFORE,
        };
        page::encode(tag, &key)
    }

    /// Decodes a cursor of the list of rooms.
    ///
    /// # Errors
    /// [`InvalidCursor`] for any other text.
    pub fn parse(cursor: &str) -> Result<Self, InvalidCursor> {
        let (direction, key) = match page::decode::<KEY_LENGTH>(TAG_AFTER, cursor) {
            Ok(key) => (Direction::After, key),
            Err(InvalidCursor) => (Direction::Before, page::decode::<KEY_LENGTH>(TAG_BEFORE, cursor)?),
        };
        let (micros, id) = key.split_at(8);
        let created_at_micros = page::number(micros)?;
        let id = Uuid::from_slice(id).map_err(|_| InvalidCursor)?;
        Ok(Self { direction, created_at_micros, id })
    }

    fn created_at(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.created_at_micros).unwrap_or_default()
    }
}

/// The condition for rooms on one side of a key: a row comparison, which is one range of the index.
fn beyond(key: RoomKey, comparison: &str) -> Box<dyn BoxableExpression<rooms::table, Pg, SqlType = Bool>> {
    let rows = diesel::dsl::sql::<Bool>(&format!("(rooms.created_at, rooms.id) {comparison} ("));
    let rows = rows.bind::<Timestamptz, _>(key.created_at()).sql(", ");
    Box::new(rows.bind::<SqlUuid, _>(key.id).sql(")"))
}

/// A page of rooms, oldest first; the first page without a key.
pub fn list(conn: &mut PgConnection, key: Option<RoomKey>, limit: u32) -> DbResult<Page<Room>> {
    let limit = limit as usize;
    let living = rooms::table.filter(rooms::deleted_at.is_null()).limit(limit as i64 + 1);
    let direction = key.map_or(Direction::After, |key| key.direction);
    let rows: Vec<RoomRow> = match key {
        None => living
            .order((rooms::created_at.asc(), rooms::id.asc()))
            .select(RoomRow::as_select())
            .load(conn)?,
        Some(key) if direction == Direction::After => living
            .filter(beyond(key, ">"))
            .order((rooms::created_at.asc(), rooms::id.asc()))
            .select(RoomRow::as_select())
            .load(conn)?,
        Some(key) => living
            .filter(beyond(key, "<"))
            .order((rooms::created_at.desc(), rooms::id.desc()))
            .select(RoomRow::as_select())
            .load(conn)?,
    };
    let (rows, more) = page::trim(rows, limit, direction);
    let items: Vec<Room> = rows.into_iter().map(Room::from).collect();
    // The page on the side of the cursor is assumed to exist. At worst it is empty.
    let (has_next, has_prev) = match direction {
        Direction::After => (more, key.is_some()),
        Direction::Before => (true, more),
    };
    Ok(Page {
        next_cursor: items.last().filter(|_| has_next).map(|room| RoomKey::of(room, Direction::After)),
        prev_cursor: items.first().filter(|_| has_prev).map(|room| RoomKey::of(room, Direction::Before)),
        items,
    })
}
