//! Hashes of passwords in the database.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::UserId;

use super::DbResult;
use super::schema::passwords;

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

/// Deletes the password of a user.
pub fn delete(conn: &mut PgConnection, user: UserId) -> DbResult<()> {
    diesel::delete(passwords::table.find(user.0)).execute(conn)?;
    Ok(())
}
