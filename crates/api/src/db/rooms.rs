//! Rooms in the database.

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Timestamptz, Uuid as SqlUuid};
use shared::ids::{Rev, RoomId, Seq, UserId};
use shared::members::Role;
use shared::page::{Cursor, Page};
use shared::rooms::{Posting, Room, RoomName, Topic, Visibility};
use uuid::Uuid;

use super::name_key::name_key;
use super::page::{self, Direction, InvalidCursor};
use super::roles::role_number;
use super::schema::{memberships, messages, rooms, users};
use super::sent_hash::sent_hash;
use super::{DbError, DbResult, attachments, file_deletions};
use crate::files::key;

/// The constraint that keeps names unique. `crate::error` maps it to an error code.
pub const NAME_KEY: &str = "rooms_name_key";
/// The condition of the partial indexes, verbatim. If it had a parameter, a generic plan could not use them.
const IS_PUBLIC: &str = "rooms.visibility = 'public'";
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
    topic: Option<String>,
    visibility: String,
    is_own: bool,
    slow_mode_seconds: i32,
    posting: String,
    member_count: i32,
    avatar_key: Option<String>,
}

impl RoomRow {
    /// The key by which lists are ordered.
    fn place(&self) -> (DateTime<Utc>, Uuid) {
        (self.created_at, self.id)
    }

    /// The number of the room's latest change.
    pub fn rev(&self) -> Rev {
        Rev(self.rev)
    }

    /// The `rev` of the latest change to the room itself; zero if it was never changed.
    pub fn updated_rev(&self) -> Rev {
        Rev(self.updated_rev)
    }
}

impl From<RoomRow> for Room {
    /// Only the hub knows the number of users online, and adds it.
    fn from(row: RoomRow) -> Self {
        Self {
            id: RoomId(row.id),
            name: RoomName::from_stored(row.name),
            topic: row.topic.map(Topic::from_stored),
            visibility: visibility_from_text(&row.visibility),
            is_own: row.is_own,
            avatar_url: row.avatar_key.as_deref().map(key::path),
            created_by: row.created_by.map(UserId),
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            last_seq: Seq(row.last_seq),
            rev: Rev(row.rev),
            online: 0,
            member_count: row.member_count.unsigned_abs(),
            slow_mode_seconds: row.slow_mode_seconds.unsigned_abs(),
            posting: if row.posting == Posting::Accounts.name() { Posting::Accounts } else { Posting::All },
            viewer: None,
        }
    }
}

/// The visibility of a text in `rooms.visibility`. A check constraint excludes other texts.
pub(super) fn visibility_from_text(text: &str) -> Visibility {
    if text == Visibility::Private.name() { Visibility::Private } else { Visibility::Public }
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
    /// What it is about.
    pub topic: Option<Topic>,
    /// Who sees it.
    pub visibility: Visibility,
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

/// Creates a room, unless it exists. One without a creator is the server's own.
///
/// # Errors
/// [`DbError::Conflict`] with [`NAME_KEY`] when another room has that name.
pub fn create(conn: &mut PgConnection, new: &NewRoom) -> DbResult<StoredRoom> {
    // In a transaction of its own, or a savepoint: a conflict must not end the transaction that it is part of.
    let inserted = conn.transaction(|conn| {
        diesel::insert_into(rooms::table)
            .values((
                rooms::id.eq(new.id.0),
                rooms::name.eq(new.name.as_str()),
                rooms::name_key.eq(name_key(new.name.as_str())),
                rooms::sent_hash.eq(sent_hash(new.name.as_str())),
                rooms::created_by.eq(new.created_by.map(|id| id.0)),
                rooms::created_at.eq(new.created_at),
                rooms::updated_at.eq(new.created_at),
                rooms::topic.eq(new.topic.as_ref().map(Topic::as_str)),
                rooms::visibility.eq(new.visibility.name()),
                rooms::is_own.eq(new.created_by.is_none()),
            ))
            .returning(RoomRow::as_returning())
            .get_result::<RoomRow>(conn)
    });
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

/// Reads a room. A caller who is not in it looks for it by `public_id`, so a hidden room takes as long as an unknown one.
/// The policy still decides whether the caller may see the room.
///
/// # Errors
/// [`DbError::NotFound`] for an unknown or deleted one, or one that is private.
pub fn get_seen(conn: &mut PgConnection, id: RoomId, is_in: bool) -> DbResult<RoomRow> {
    if is_in {
        return get(conn, id);
    }
    let seen = rooms::table.filter(rooms::public_id.eq(id.0));
    Ok(seen.select(RoomRow::as_select()).first(conn)?)
}

/// The same, locked until the transaction ends.
///
/// # Errors
/// Those of [`get_seen`].
pub fn lock_seen(conn: &mut PgConnection, id: RoomId, is_in: bool) -> DbResult<Room> {
    if is_in {
        return lock(conn, id);
    }
    let seen = rooms::table.filter(rooms::public_id.eq(id.0));
    let row: RoomRow = seen.select(RoomRow::as_select()).for_update().first(conn)?;
    Ok(row.into())
}

/// Reads a room without checking who may see it.
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

/// The public room of that name, regardless of case.
///
/// # Errors
/// [`DbError::NotFound`] if there is none.
pub fn find(conn: &mut PgConnection, name: &str) -> DbResult<RoomRow> {
    Ok(rooms::table
        .filter(rooms::name_key.eq(name_key(name)))
        .filter(rooms::deleted_at.is_null())
        .filter(diesel::dsl::sql::<Bool>(IS_PUBLIC))
        .select(RoomRow::as_select())
        .first(conn)?)
}

/// All rooms with the names of their owners, oldest first.
pub fn all(conn: &mut PgConnection) -> DbResult<Vec<(Room, Vec<String>)>> {
    let found: Vec<RoomRow> = rooms::table
        .filter(rooms::deleted_at.is_null())
        .order((rooms::created_at, rooms::id))
        .select(RoomRow::as_select())
        .load(conn)?;
    let owners: Vec<(Uuid, String)> = memberships::table
        .inner_join(users::table)
        .filter(memberships::role.eq(role_number(Role::Owner)))
        .order(memberships::joined_at)
        .select((memberships::room_id, users::username))
        .load(conn)?;
    let with_owners = |row: RoomRow| {
        let names = owners.iter().filter(|(room, _)| *room == row.id).map(|(_, name)| name.clone());
        let names = names.collect();
        (Room::from(row), names)
    };
    Ok(found.into_iter().map(with_owners).collect())
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

/// Stores the settings of a locked room, which are a change with the room's present `rev`.
///
/// # Errors
/// [`DbError::Conflict`] with [`NAME_KEY`] when another public room has the name.
pub fn update(conn: &mut PgConnection, room: &Room, now: DateTime<Utc>) -> DbResult<()> {
    diesel::update(rooms::table.find(room.id.0))
        .set((
            rooms::name.eq(room.name.as_str()),
            rooms::name_key.eq(name_key(room.name.as_str())),
            rooms::topic.eq(room.topic.as_ref().map(Topic::as_str)),
            rooms::visibility.eq(room.visibility.name()),
            rooms::is_own.eq(room.is_own),
            rooms::slow_mode_seconds.eq(i32::try_from(room.slow_mode_seconds).unwrap_or(i32::MAX)),
            rooms::posting.eq(room.posting.name()),
            rooms::updated_at.eq(now),
            rooms::rev.eq(room.rev.0),
            rooms::updated_rev.eq(room.rev.0),
        ))
        .execute(conn)?;
    Ok(())
}

/// Changes the picture of a locked room, whose bytes are stored. Those of the former picture are deleted later.
pub fn set_avatar(
    conn: &mut PgConnection,
    id: RoomId,
    key: Option<&str>,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let room = rooms::table.find(id.0);
    let former: Option<String> = room.select(rooms::avatar_key).first(conn)?;
    diesel::update(room).set(rooms::avatar_key.eq(key)).execute(conn)?;
    file_deletions::replace(conn, former.as_deref(), key, now)
}

/// The room whose picture has this key.
///
/// # Errors
/// [`DbError::NotFound`] if there is none, or the room is deleted.
pub fn find_by_avatar(conn: &mut PgConnection, key: &str) -> DbResult<Room> {
    let row: RoomRow = rooms::table
        .filter(rooms::avatar_key.eq(key))
        .filter(rooms::deleted_at.is_null())
        .select(RoomRow::as_select())
        .first(conn)?;
    Ok(row.into())
}

/// Stores the counters of a locked room after its changes. With `is_about_rights`, statements that judged who may write
/// before they got the lock judge again.
pub fn advance(conn: &mut PgConnection, room: &Room, is_about_rights: bool) -> DbResult<()> {
    diesel::update(rooms::table.find(room.id.0))
        .set((
            rooms::rev.eq(room.rev.0),
            rooms::last_seq.eq(room.last_seq.0),
            rooms::member_count.eq(i32::try_from(room.member_count).unwrap_or(i32::MAX)),
            rooms::rights_version.eq(rooms::rights_version + i64::from(is_about_rights)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Marks a locked room as deleted, which is a change with its present `rev`. [`purge`] deletes the rows later, because millions of messages take longer than a
/// request may.
pub fn delete(conn: &mut PgConnection, room: &Room, now: DateTime<Utc>) -> DbResult<Room> {
    let row: RoomRow = diesel::update(rooms::table.find(room.id.0))
        .set((rooms::deleted_at.eq(now), rooms::updated_at.eq(now), rooms::rev.eq(room.rev.0)))
        .returning(RoomRow::as_returning())
        .get_result(conn)?;
    Ok(row.into())
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
    // Rows of files refer to those of messages and rooms.
    if attachments::delete_of_room(conn, RoomId(*room_id), limit, Utc::now())? {
        return Ok(true);
    }
    if batch.is_empty() {
        set_avatar(conn, RoomId(*room_id), None, Utc::now())?;
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

/// A page of the rooms that a user sees, oldest first; the first page without a key. Nobody in particular sees the
/// public ones.
pub fn list(
    conn: &mut PgConnection,
    user: Option<UserId>,
    key: Option<RoomKey>,
    limit: u32,
) -> DbResult<Page<Room>> {
    let limit = limit as usize;
    let direction = key.map_or(Direction::After, |key| key.direction);
    let public = rooms::table
        .filter(rooms::deleted_at.is_null())
        .filter(diesel::dsl::sql::<Bool>(IS_PUBLIC))
        .limit(limit as i64 + 1);
    let ascending = (rooms::created_at.asc(), rooms::id.asc());
    let descending = (rooms::created_at.desc(), rooms::id.desc());
    let columns = RoomRow::as_select();
    let mut rows: Vec<RoomRow> = match key {
        None => public.order(ascending).select(columns).load(conn)?,
        Some(key) if direction == Direction::After => {
            public.filter(beyond(key, ">")).order(ascending).select(columns).load(conn)?
        }
        Some(key) => public.filter(beyond(key, "<")).order(descending).select(columns).load(conn)?,
    };
    // Those that the user is in are few, so they are read by the memberships.
    if let Some(user) = user {
        let private: Vec<RoomRow> = memberships::table
            .inner_join(rooms::table)
            .filter(memberships::user_id.eq(user.0))
            .filter(memberships::role.is_not_null())
            .filter(rooms::visibility.eq(Visibility::Private.name()))
            .filter(rooms::deleted_at.is_null())
            .select(columns)
            .load(conn)?;
        let is_on_page = |row: &RoomRow| match key {
            None => true,
            Some(key) if direction == Direction::After => row.place() > (key.created_at(), key.id),
            Some(key) => row.place() < (key.created_at(), key.id),
        };
        rows.extend(private.into_iter().filter(is_on_page));
        match direction {
            Direction::After => rows.sort_by_key(RoomRow::place),
            Direction::Before => rows.sort_by_key(|row| std::cmp::Reverse(row.place())),
        }
    }
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

/// A page of the rooms that a user is in, latest activity first. Rooms move while they are paged through, so the page
/// begins after the room of the key, wherever it is now.
pub fn list_of_member(
    conn: &mut PgConnection,
    user: UserId,
    after: Option<RoomKey>,
    limit: u32,
) -> DbResult<Page<Room>> {
    // At most as many as a user may be in.
    let mut rows: Vec<(RoomRow, Option<DateTime<Utc>>)> = memberships::table
        .inner_join(rooms::table)
        .left_join(messages::table.on(messages::room_id.eq(rooms::id).and(messages::seq.eq(rooms::last_seq))))
        .filter(memberships::user_id.eq(user.0))
        .filter(memberships::role.is_not_null())
        .filter(rooms::deleted_at.is_null())
        .select((RoomRow::as_select(), messages::created_at.nullable()))
        .load(conn)?;
    rows.sort_by_key(|(room, sent_at)| {
        let (created_at, id) = room.place();
        std::cmp::Reverse((sent_at.unwrap_or(created_at), id))
    });
    let start = match after {
        Some(key) => {
            rows.iter().position(|(room, _)| room.place().1 == key.id).map_or(rows.len(), |at| at + 1)
        }
        None => 0,
    };
    let end = rows.len().min(start + limit as usize);
    let has_more = end < rows.len();
    let items: Vec<Room> = rows.drain(start..end).map(|(room, _)| room.into()).collect();
    let next_cursor = items.last().filter(|_| has_more).map(|room| RoomKey::of(room, Direction::After));
    Ok(Page { items, next_cursor, prev_cursor: None })
}
