//! Removing the former texts of messages, such as a password that was pasted by mistake.

use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::ids::{MessageId, RoomId, UserId};
use shared::members::Operation;

use super::error::RoomResult;
use super::{Attempt, Done, Transaction};
use crate::db::{Conn, edits};

/// Deletes the former texts of a message.
///
/// # Errors
/// The refusal.
pub fn delete(
    conn: &mut Conn,
    room_id: RoomId,
    id: MessageId,
    by: UserId,
    attempt: Attempt,
) -> RoomResult<Done<()>> {
    let (mut transaction, me) = Transaction::begin(conn, room_id, by, attempt)?;
    let message = transaction.message(id)?;
    let author = message.author.id;
    let operation = if author == by { Operation::DeleteMessage } else { Operation::DeleteAnyMessage };
    transaction.check(&me, operation)?;
    if message.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    let count = edits::delete(transaction.conn, &[id.0])?;
    if count > 0 && author != by {
        transaction.audit(Some(by), "delete_edits", Some(author), &AuditDetail::default())?;
    }
    Ok(Done::unchanged(()))
}
