//! Hashes of passwords in the database.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::UserId;
use uuid::Uuid;

use super::schema::{password_resets, passwords};
use super::token_hash::TokenHash;
use super::{DbError, DbResult};

/// The hash of a user's password; `None` if the user has none. Locks it until the transaction ends, so that no session
/// begins with a password that is being changed.
pub fn lock(conn: &mut PgConnection, user: UserId) -> DbResult<Option<String>> {
    Ok(passwords::table.find(user.0).select(passwords::hash).for_update().first(conn).optional()?)
}

/// Stores or replaces the hash of a user's password.
pub fn set(conn: &mut PgConnection, user: UserId, hash: &str) -> DbResult<()> {
    diesel::insert_into(passwords::table)
        .values((passwords::user_id.eq(user.0), passwords::hash.eq(hash)))
        .on_conflict(passwords::user_id)
        .do_update()
        .set(passwords::hash.eq(hash))
        .execute(conn)?;
    Ok(())
}

/// Replaces a hash by one with other parameters, unless the password was changed meanwhile.
pub fn replace(conn: &mut PgConnection, user: UserId, old: &str, new: &str) -> DbResult<()> {
    diesel::update(passwords::table.find(user.0).filter(passwords::hash.eq(old)))
        .set(passwords::hash.eq(new))
        .execute(conn)?;
    Ok(())
}

/// Stores a link that lets a user choose a new password.
pub fn create_reset(
    conn: &mut PgConnection,
    user: UserId,
    token_hash: &TokenHash,
    expires_at: DateTime<Utc>,
) -> DbResult<()> {
    diesel::insert_into(password_resets::table)
        .values((
            password_resets::token_hash.eq(token_hash.as_slice()),
            password_resets::user_id.eq(user.0),
            password_resets::expires_at.eq(expires_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// The user of a link, and whether it can still be used. Locks it until the transaction ends.
///
/// # Errors
/// [`DbError::NotFound`] if there never was such a link.
pub fn lock_reset(
    conn: &mut PgConnection,
    token_hash: &TokenHash,
    now: DateTime<Utc>,
) -> DbResult<(UserId, bool)> {
    let (user, expires_at, used_at): (Uuid, DateTime<Utc>, Option<DateTime<Utc>>) = password_resets::table
        .find(token_hash.as_slice())
        .select((password_resets::user_id, password_resets::expires_at, password_resets::used_at))
        .for_update()
        .first(conn)
        .map_err(DbError::from)?;
    Ok((UserId(user), used_at.is_none() && now < expires_at))
}

/// Makes all links of a user useless.
pub fn end_resets(conn: &mut PgConnection, user: UserId, now: DateTime<Utc>) -> DbResult<()> {
    diesel::update(
        password_resets::table
            .filter(password_resets::user_id.eq(user.0))
            .filter(password_resets::used_at.is_null()),
    )
    .set(password_resets::used_at.eq(now))
    .execute(conn)?;
    Ok(())
}
