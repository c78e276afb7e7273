//! Former texts of messages.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::edits::{Edit, MAX_EDITS};
use shared::ids::{MessageId, Rev};
use uuid::Uuid;

use super::DbResult;
use super::schema::edits;

/// Stores the text that an edit replaces. Only the newest ones stay. The caller holds the lock of the room.
pub fn create(
    conn: &mut PgConnection,
    message: MessageId,
    rev: Rev,
    text: &str,
    at: DateTime<Utc>,
) -> DbResult<()> {
    diesel::insert_into(edits::table)
        .values((
            edits::message_id.eq(message.0),
            edits::rev.eq(rev.0),
            edits::text.eq(text),
            edits::at.eq(at),
        ))
        .execute(conn)?;
    let oldest: Option<i64> = edits::table
        .filter(edits::message_id.eq(message.0))
        .order(edits::rev.desc())
        .offset(MAX_EDITS as i64)
        .select(edits::rev)
        .first(conn)
        .optional()?;
    if let Some(oldest) = oldest {
        let too_old = edits::table.filter(edits::message_id.eq(message.0)).filter(edits::rev.le(oldest));
        diesel::delete(too_old).execute(conn)?;
    }
    Ok(())
}

/// The former texts of a message, newest first.
pub fn list(conn: &mut PgConnection, message: MessageId) -> DbResult<Vec<Edit>> {
    let rows: Vec<(String, DateTime<Utc>)> = edits::table
        .filter(edits::message_id.eq(message.0))
        .order(edits::rev.desc())
        .select((edits::text, edits::at))
        .load(conn)?;
    Ok(rows.into_iter().map(|(text, at)| Edit { text, at: at.into() }).collect())
}

/// Deletes the former texts of messages. Returns how many there were.
pub fn delete(conn: &mut PgConnection, messages: &[Uuid]) -> DbResult<usize> {
    Ok(diesel::delete(edits::table.filter(edits::message_id.eq_any(messages))).execute(conn)?)
}
