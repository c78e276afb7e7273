//! Keys of files whose bytes are to be deleted: the row of a file goes first, its bytes after it. The keys of files that
//! are being stored are here, too, until their row is.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;

use super::schema::file_deletions;
use super::{DbResult, backups};

/// How long storing a file may take. What has no row by then is deleted.
const UNFINISHED_LIFETIME: TimeDelta = TimeDelta::days(1);

/// Keeps the key of a file that will be stored, so that its bytes are deleted if its row never is.
pub fn begin(conn: &mut PgConnection, key: &str, now: DateTime<Utc>) -> DbResult<()> {
    insert(conn, &[key], now + UNFINISHED_LIFETIME)
}

/// Keeps the bytes of a file, in the transaction that stores its row. Returns false if they are deleted already, or will
/// be at once.
pub fn keep(conn: &mut PgConnection, key: &str) -> DbResult<bool> {
    Ok(diesel::delete(file_deletions::table.find(key)).execute(conn)? == 1)
}

/// Has the bytes of a file that was refused deleted soon, unless its row is stored.
pub fn hasten(conn: &mut PgConnection, key: &str, now: DateTime<Utc>) -> DbResult<()> {
    diesel::update(file_deletions::table.find(key)).set(file_deletions::due_at.eq(now)).execute(conn)?;
    Ok(())
}

/// Has the bytes of these files deleted soon, in the transaction that deletes their rows.
pub fn create(conn: &mut PgConnection, keys: &[&str], now: DateTime<Utc>) -> DbResult<()> {
    insert(conn, keys, now)
}

/// Keeps the bytes of one file, and has those of another deleted.
pub fn replace(
    conn: &mut PgConnection,
    former: Option<&str>,
    key: Option<&str>,
    now: DateTime<Utc>,
) -> DbResult<()> {
    if let Some(key) = key {
        keep(conn, key)?;
    }
    create(conn, former.as_slice(), now)
}

fn insert(conn: &mut PgConnection, keys: &[&str], due_at: DateTime<Utc>) -> DbResult<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> =
        keys.iter().map(|key| (file_deletions::key.eq(*key), file_deletions::due_at.eq(due_at))).collect();
    diesel::insert_into(file_deletions::table)
        .values(rows)
        .on_conflict(file_deletions::key)
        .do_update()
        .set(file_deletions::due_at.eq(due_at))
        .execute(conn)?;
    Ok(())
}

/// Keys whose bytes are due, the oldest first. None while a backup is made.
pub fn list_due(conn: &mut PgConnection, now: DateTime<Utc>, limit: i64) -> DbResult<Vec<String>> {
    let due: Vec<String> = file_deletions::table
        .filter(file_deletions::due_at.le(now))
        .order(file_deletions::due_at)
        .limit(limit)
        .select(file_deletions::key)
        .load(conn)?;
    // Asked only now: a backup that begins later sees that the rows of these files are gone.
    if !due.is_empty() && backups::is_running(conn)? {
        tracing::debug!("a backup is made: files are deleted later");
        return Ok(Vec::new());
    }
    Ok(due)
}

/// Forgets keys whose bytes are deleted.
pub fn finish(conn: &mut PgConnection, keys: &[String]) -> DbResult<()> {
    diesel::delete(file_deletions::table.filter(file_deletions::key.eq_any(keys))).execute(conn)?;
    Ok(())
}
