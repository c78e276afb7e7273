//! Sessions in the database: which token is whose.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::UserId;
use shared::users::User;

use super::DbResult;
use super::schema::{sessions, users};
use super::users::UserRow;

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// A session of `user` begins.
pub fn create(
    conn: &mut PgConnection,
    token_hash: &TokenHash,
    user_id: UserId,
    now: DateTime<Utc>,
) -> DbResult<()> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::token_hash.eq(token_hash.as_slice()),
            sessions::user_id.eq(user_id.0),
            sessions::created_at.eq(now),
            sessions::last_seen_at.eq(now),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whose session it is, if it was begun after `oldest` and used after `idle_since`; marks it as used.
///
/// # Errors
/// [`super::DbError::NotFound`] when there is no such session, or it ran out.
pub fn get(
    conn: &mut PgConnection,
    token_hash: &TokenHash,
    oldest: DateTime<Utc>,
    idle_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> DbResult<User> {
    let live = sessions::table
        .filter(sessions::token_hash.eq(token_hash.as_slice()))
        .filter(sessions::created_at.gt(oldest))
        .filter(sessions::last_seen_at.gt(idle_since));
    let (row, last_seen_at): (UserRow, DateTime<Utc>) =
        live.inner_join(users::table).select((UserRow::as_select(), sessions::last_seen_at)).first(conn)?;
    // Once an hour is exact enough for an idle time of days, and spares a write for each look.
    if now - last_seen_at > chrono::TimeDelta::hours(1) {
        diesel::update(sessions::table.find(token_hash.as_slice()))
            .set(sessions::last_seen_at.eq(now))
            .execute(conn)?;
    }
    Ok(row.into())
}

/// The session ends.
pub fn delete(conn: &mut PgConnection, token_hash: &TokenHash) -> DbResult<()> {
    diesel::delete(sessions::table.find(token_hash.as_slice())).execute(conn)?;
    Ok(())
}

/// Forgets the sessions that ran out. Returns how many.
pub fn delete_expired(
    conn: &mut PgConnection,
    oldest: DateTime<Utc>,
    idle_since: DateTime<Utc>,
) -> DbResult<usize> {
    let expired =
        sessions::table.filter(sessions::created_at.le(oldest).or(sessions::last_seen_at.le(idle_since)));
    Ok(diesel::delete(expired).execute(conn)?)
}
