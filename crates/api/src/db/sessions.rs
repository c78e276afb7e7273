//! Sessions in the database.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::UserId;
use shared::users::User;

use super::schema::{sessions, users};
use super::users::UserRow;
use super::{DbError, DbResult};

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// The precision of the time of the last use. It avoids a write for every request.
const LAST_SEEN_STEP: TimeDelta = TimeDelta::hours(1);

/// Stores a new session of a user.
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

/// The user of a session that was created after `oldest` and used after `idle_since`. Marks it as used.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such session, or it has expired.
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
    if now - last_seen_at > LAST_SEEN_STEP {
        let marked = diesel::update(sessions::table.find(token_hash.as_slice()))
            .set(sessions::last_seen_at.eq(now))
            .execute(conn);
        // A failure is tolerated: a database with a full disk can still authenticate.
        if let Err(error) = marked {
            tracing::warn!(%error, "a session could not be marked as used");
        }
    }
    Ok(row.into())
}

/// Deletes sessions. Unknown ones are ignored.
pub fn delete(conn: &mut PgConnection, token_hashes: &[TokenHash]) -> DbResult<()> {
    let hashes: Vec<&[u8]> = token_hashes.iter().map(TokenHash::as_slice).collect();
    diesel::delete(sessions::table.filter(sessions::token_hash.eq_any(hashes))).execute(conn)?;
    Ok(())
}

/// Deletes up to `limit` sessions that expired by age, and as many that expired without use. Returns their number.
pub fn delete_expired(
    conn: &mut PgConnection,
    oldest: DateTime<Utc>,
    idle_since: DateTime<Utc>,
    limit: i64,
) -> DbResult<usize> {
    // Two queries, because each is one range of an index.
    let mut found: Vec<Vec<u8>> = sessions::table
        .filter(sessions::created_at.le(oldest))
        .order(sessions::created_at)
        .limit(limit)
        .select(sessions::token_hash)
        .load(conn)?;
    let unused: Vec<Vec<u8>> = sessions::table
        .filter(sessions::last_seen_at.le(idle_since))
        .order(sessions::last_seen_at)
        .limit(limit)
        .select(sessions::token_hash)
        .load(conn)?;
    found.extend(unused);
    if found.is_empty() {
        return Ok(0);
    }
    diesel::delete(sessions::table.filter(sessions::token_hash.eq_any(found)))
        .execute(conn)
        .map_err(DbError::from)
}
