//! Reacting to messages.

use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::ids::{MessageId, RoomId, UserId};
use shared::members::Operation;
use shared::messages::{Message, MessageAnswer};
use shared::reactions::{MAX_KINDS, MAX_LISTED_USERS, Reaction};
use shared::stored::Stored;

use super::error::RoomResult;
use super::{Attempt, Done, Transaction, own_role};
use crate::db::{Conn, reactions};

/// A reaction of a user to a message, or its end.
#[derive(Clone, Debug)]
pub struct NewReaction {
    /// The room.
    pub room_id: RoomId,
    /// The message.
    pub message_id: MessageId,
    /// The emoji, fully qualified.
    pub emoji: String,
    /// The user.
    pub by: UserId,
    /// Whether the user reacts, or takes the reaction back.
    pub is_active: bool,
}

/// Reacts to a message, or takes a reaction back. In a public room, reacting joins. A repeat changes nothing.
///
/// # Errors
/// The refusal.
pub fn set(conn: &mut Conn, new: &NewReaction, attempt: Attempt) -> RoomResult<Done<MessageAnswer>> {
    let NewReaction { message_id, emoji, by, is_active, .. } = new;
    let (mut transaction, mut me) = Transaction::begin(conn, new.room_id, *by, attempt)?;
    transaction.check(&me, Operation::React)?;
    let message = transaction.message(*message_id)?;
    if message.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    let is_changed = if *is_active {
        reactions::create(transaction.conn, *message_id, emoji, *by)?
    } else {
        reactions::delete(transaction.conn, *message_id, emoji, *by)?
    };
    if !is_changed {
        return Ok(Done::unchanged(transaction.answer(message, *by)?));
    }
    let mut sum = sum_of(&message);
    let place = sum.iter().position(|kind| kind.emoji == *emoji);
    match (is_active, place) {
        (true, Some(place)) => {
            let kind = &mut sum[place];
            kind.count += 1;
            if kind.user_ids.len() < MAX_LISTED_USERS {
                kind.user_ids.push(*by);
            }
        }
        (true, None) if sum.len() >= MAX_KINDS => return Err(ErrorCode::TooManyReactions.into()),
        (true, None) => sum.push(Reaction { emoji: emoji.clone(), count: 1, user_ids: vec![*by] }),
        (false, Some(place)) if sum[place].count > 1 => {
            sum[place].count -= 1;
            if sum[place].user_ids.contains(by) {
                sum[place].user_ids = reactions::first_users(transaction.conn, *message_id, emoji)?;
            }
        }
        (false, Some(place)) => drop(sum.remove(place)),
        (false, None) => {}
    }
    if me.role.is_none() && *is_active {
        let role = own_role(me.user.kind);
        transaction.join(&mut me, role)?;
    }
    transaction.told.push((*by, reacted(new.room_id, *message_id, emoji, *is_active)));
    let message = transaction.reactions_changed(message, &sum)?;
    let answer = transaction.answer(message, *by)?;
    transaction.finish(answer)
}

/// Removes all reactions of one kind from a message.
///
/// # Errors
/// The refusal.
pub fn delete_kind(
    conn: &mut Conn,
    room_id: RoomId,
    message_id: MessageId,
    emoji: &str,
    by: UserId,
    attempt: Attempt,
) -> RoomResult<Done<MessageAnswer>> {
    let (mut transaction, me) = Transaction::begin(conn, room_id, by, attempt)?;
    transaction.check(&me, Operation::Moderate)?;
    let message = transaction.message(message_id)?;
    if message.deleted_at.is_some() {
        return Err(ErrorCode::MessageDeleted.into());
    }
    let users = reactions::delete_kind(transaction.conn, message_id, emoji)?;
    if users.is_empty() {
        return Ok(Done::unchanged(transaction.answer(message, by)?));
    }
    let mut sum = sum_of(&message);
    sum.retain(|kind| kind.emoji != emoji);
    let told = users.into_iter().map(|user| (user, reacted(room_id, message_id, emoji, false)));
    transaction.told.extend(told);
    let author = message.author.id;
    let message = transaction.reactions_changed(message, &sum)?;
    transaction.audit(Some(by), "delete_reactions", Some(author), &AuditDetail::default())?;
    let answer = transaction.answer(message, by)?;
    transaction.finish(answer)
}

/// Removes a reaction of a user who erased their account.
///
/// # Errors
/// Errors of the database.
pub fn erase(
    conn: &mut Conn,
    room_id: RoomId,
    message_id: MessageId,
    emoji: &str,
    user: UserId,
    attempt: Attempt,
) -> RoomResult<Done<()>> {
    let mut transaction = Transaction::begin_for_server(conn, room_id, attempt)?;
    let message = transaction.message(message_id)?;
    if !reactions::delete(transaction.conn, message_id, emoji, user)? {
        return Ok(Done::unchanged(()));
    }
    let mut sum = sum_of(&message);
    if let Some(kind) = sum.iter_mut().find(|kind| kind.emoji == emoji) {
        kind.count = kind.count.saturating_sub(1);
        kind.user_ids = reactions::first_users(transaction.conn, message_id, emoji)?;
    }
    sum.retain(|kind| kind.count > 0);
    transaction.reactions_changed(message, &sum)?;
    transaction.finish(())
}

/// The sum of the reactions to a message.
fn sum_of(message: &Message) -> Vec<Reaction> {
    message.reactions.as_ref().and_then(Stored::decode).unwrap_or_default().into_owned()
}

fn reacted(room_id: RoomId, message_id: MessageId, emoji: &str, active: bool) -> ServerEvent {
    ServerEvent::Reacted { room_id, message_id, emoji: emoji.to_owned(), active }
}

impl Transaction<'_> {
    /// Stores the sum of the reactions to a message as a change of the message.
    fn reactions_changed(&mut self, message: Message, sum: &[Reaction]) -> RoomResult<Message> {
        let rev = self.next_rev();
        let json = reactions::set_of_message(self.conn, message.id, sum, rev)?;
        let message = Message { reactions: json.and_then(Stored::from_json), rev, ..message };
        self.messages_changed(vec![message.clone()], ServerEvent::MessageUpdated)?;
        Ok(message)
    }
}
