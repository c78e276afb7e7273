//! Pinning messages.

use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::ids::{MessageId, RoomId, UserId};
use shared::members::Operation;
use shared::messages::{Message, MessageAnswer};
use shared::pins::MAX_PINS;

use super::error::RoomResult;
use super::{Attempt, Done, Transaction};
use crate::db::{Conn, messages};

/// Pins a message, or unpins it. A repeat changes nothing.
///
/// # Errors
/// The refusal.
pub fn set(
    conn: &mut Conn,
    room_id: RoomId,
    id: MessageId,
    by: UserId,
    is_pinned: bool,
    attempt: Attempt,
) -> RoomResult<Done<MessageAnswer>> {
    let (mut transaction, me) = Transaction::begin(conn, room_id, by, attempt)?;
    transaction.check(&me, Operation::Pin)?;
    let message = transaction.message(id)?;
    if message.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    if message.pinned_at.is_some() == is_pinned {
        return Ok(Done::unchanged(transaction.answer(message, by)?));
    }
    if is_pinned && messages::count_pinned(transaction.conn, room_id)? >= MAX_PINS as i64 {
        return Err(ErrorCode::TooManyPins.into());
    }
    let rev = transaction.next_rev();
    let pinned_at = is_pinned.then_some(attempt.at);
    messages::set_pinned(transaction.conn, id, pinned_at, rev)?;
    let action = if is_pinned { "pin_message" } else { "unpin_message" };
    transaction.audit(Some(by), action, Some(message.author.id), &AuditDetail::default())?;
    let message = Message { pinned_at: pinned_at.map(Into::into), rev, ..message };
    transaction.messages_changed(vec![message.clone()], ServerEvent::MessageUpdated)?;
    let answer = transaction.answer(message, by)?;
    transaction.finish(answer)
}
