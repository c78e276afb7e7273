//! Bans from rooms in the database.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Timestamptz, Uuid as SqlUuid};
use shared::bans::{Ban, BanReason};
use shared::ids::{RoomId, UserId};
use shared::page::{Cursor, Page};
use uuid::Uuid;

use super::DbResult;
use super::page::{self, Direction, InvalidCursor};
use super::schema::{bans, users};
use super::users::UserRow;

/// Bans a user. A ban that exists keeps its time: guests who came since are still kept out.
pub fn create(
    conn: &mut PgConnection,
    room_id: RoomId,
    user_id: UserId,
    by: UserId,
    rank: i16,
    reason: Option<&BanReason>,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let address_hash: Option<Vec<u8>> = users::table
        .find(user_id.0)
        .filter(users::kind.eq("guest"))
        .select(users::address_hash)
        .first::<Option<Vec<u8>>>(conn)
        .optional()?
        .flatten();
    diesel::insert_into(bans::table)
        .values((
            bans::room_id.eq(room_id.0),
            bans::user_id.eq(user_id.0),
            bans::banned_by.eq(by.0),
            bans::rank.eq(rank),
            bans::reason.eq(reason.map(BanReason::as_str)),
            bans::created_at.eq(now),
            bans::address_hash.eq(&address_hash),
        ))
        .on_conflict((bans::room_id, bans::user_id))
        .do_update()
        .set((
            bans::banned_by.eq(by.0),
            bans::rank.eq(rank),
            bans::reason.eq(reason.map(BanReason::as_str)),
            bans::address_hash.eq(&address_hash),
        ))
        .execute(conn)?;
    Ok(())
}

/// Clears the reasons of bans that a user imposed or was given.
pub fn clear_reasons_of(conn: &mut PgConnection, user_id: UserId) -> DbResult<()> {
    let of_user = bans::table.filter(bans::user_id.eq(user_id.0).or(bans::banned_by.eq(user_id.0)));
    diesel::update(of_user).set(bans::reason.eq(None::<String>)).execute(conn)?;
    Ok(())
}

/// What decides about lifting or repeating a ban.
#[derive(Clone, Copy, Debug)]
pub struct StoredBan {
    /// The rank of the user who banned.
    pub rank: i16,
    /// When it was imposed first.
    pub created_at: DateTime<Utc>,
}

/// The ban of a user; `None` if the user is not banned.
pub fn get(conn: &mut PgConnection, room_id: RoomId, user_id: UserId) -> DbResult<Option<StoredBan>> {
    let row: Option<(i16, DateTime<Utc>)> = bans::table
        .find((room_id.0, user_id.0))
        .select((bans::rank, bans::created_at))
        .first(conn)
        .optional()?;
    Ok(row.map(|(rank, created_at)| StoredBan { rank, created_at }))
}

/// Lifts a ban.
pub fn delete(conn: &mut PgConnection, room_id: RoomId, user_id: UserId) -> DbResult<()> {
    diesel::delete(bans::table.find((room_id.0, user_id.0))).execute(conn)?;
    Ok(())
}

/// The key of a ban in the list: its time, and the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BanKey {
    created_at_micros: i64,
    id: Uuid,
}

const TAG: u8 = b'b';
const KEY_LENGTH: usize = 24;

impl BanKey {
    /// Parses a cursor of the list.
    ///
    /// # Errors
    /// [`InvalidCursor`] for any other text.
    pub fn parse(cursor: &str) -> Result<Self, InvalidCursor> {
        let key = page::decode::<KEY_LENGTH>(TAG, cursor)?;
        let id = Uuid::from_slice(&key[8..]).map_err(|_| InvalidCursor)?;
        Ok(Self { created_at_micros: page::number(&key[..8])?, id })
    }

    fn cursor(ban: &Ban) -> Cursor {
        let mut key = [0; KEY_LENGTH];
        let created_at = DateTime::<Utc>::from(ban.created_at);
        key[..8].copy_from_slice(&created_at.timestamp_micros().to_be_bytes());
        key[8..].copy_from_slice(ban.user.id.0.as_bytes());
        page::encode(TAG, &key)
    }
}

/// A page of the bans of a room, oldest first.
pub fn list(
    conn: &mut PgConnection,
    room_id: RoomId,
    after: Option<BanKey>,
    limit: u32,
) -> DbResult<Page<Ban>> {
    let limit = limit as usize;
    let by = diesel::alias!(users as banners);
    let mut rows = bans::table
        .inner_join(users::table.on(users::id.eq(bans::user_id)))
        .left_join(by.on(by.field(users::id).nullable().eq(bans::banned_by)))
        .filter(bans::room_id.eq(room_id.0))
        .into_boxed();
    if let Some(after) = after {
        let created_at = DateTime::from_timestamp_micros(after.created_at_micros).unwrap_or_default();
        rows = rows.filter(
            sql::<Bool>("(bans.created_at, bans.user_id) > (")
                .bind::<Timestamptz, _>(created_at)
                .sql(", ")
                .bind::<SqlUuid, _>(after.id)
                .sql(")"),
        );
    }
    type Row = (UserRow, Option<UserRow>, Option<String>, DateTime<Utc>);
    let rows: Vec<Row> = rows
        .order((bans::created_at, bans::user_id))
        .limit(limit as i64 + 1)
        .select((
            UserRow::as_select(),
            by.fields(super::users::COLUMNS).nullable(),
            bans::reason,
            bans::created_at,
        ))
        .load(conn)?;
    let (rows, has_more) = page::trim(rows, limit, Direction::After);
    let ban = |(user, by, reason, created_at): Row| Ban {
        user: user.into(),
        by: by.map(Into::into),
        reason: reason.map(BanReason::from_stored),
        created_at: created_at.into(),
    };
    let items: Vec<Ban> = rows.into_iter().map(ban).collect();
    let next_cursor = items.last().filter(|_| has_more).map(BanKey::cursor);
    Ok(Page { items, next_cursor, prev_cursor: None })
}
