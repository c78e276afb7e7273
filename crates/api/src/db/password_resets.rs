//! Links that let a user choose a new password once.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::UserId;
use uuid::Uuid;

use super::schema::password_resets;
use super::token_hash::TokenHash;
use super::{DbError, DbResult};

/// Stores a link of a user.
pub fn create(
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
pub fn lock(conn: &mut PgConnection, token_hash: &TokenHash, now: DateTime<Utc>) -> DbResult<(UserId, bool)> {
    let (user, expires_at, used_at): (Uuid, DateTime<Utc>, Option<DateTime<Utc>>) = password_resets::table
        .find(token_hash.as_slice())
        .select((password_resets::user_id, password_resets::expires_at, password_resets::used_at))
        .for_update()
        .first(conn)
        .map_err(DbError::from)?;
    Ok((UserId(user), used_at.is_none() && now < expires_at))
}

/// Makes all links of a user useless.
pub fn end_all(conn: &mut PgConnection, user: UserId, now: DateTime<Utc>) -> DbResult<()> {
    diesel::update(
        password_resets::table
            .filter(password_resets::user_id.eq(user.0))
            .filter(password_resets::used_at.is_null()),
    )
    .set(password_resets::used_at.eq(now))
    .execute(conn)?;
    Ok(())
}
