//! Sending what the writer's batch does not store, editing and deleting.

use chrono::TimeDelta;
use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::events::{MessageChange, ServerEvent};
use shared::files::Attachment;
use shared::ids::{AttachmentId, MessageId, RoomId, UserId};
use shared::members::{Operation, Role};
use shared::messages::{Message, MessageText, UpdateMessage};
use shared::text::InvalidCode;

use super::attachments::kept;
use super::error::{Refusal, RoomResult};
use super::{Attempt, Done, Transaction, own_role};
use crate::db::members::Membership;
use crate::db::messages::{self, NewMessage};
use crate::db::{self, Conn, DbError, attachments};
use crate::policy::{self, Rank};

/// The outcome of sending a message.
#[derive(Clone, Debug)]
pub enum Sent {
    /// It was stored.
    Created(Message),
    /// The same request was stored before; this is the current state of the message.
    Repeated(Message),
}

impl Sent {
    /// The message.
    pub fn message(&self) -> &Message {
        match self {
            Self::Created(message) | Self::Repeated(message) => message,
        }
    }
}

/// Sends a message. In a public room, sending joins. A repeat passes mute, slow mode and posting. In
/// a retry, an earlier attempt of this request may have stored it.
///
/// # Errors
/// The refusal.
pub fn send(conn: &mut Conn, new: &NewMessage, attempt: Attempt) -> RoomResult<Done<Sent>> {
    // A user who joins by sending a message joins at the message's time.
    let attempt = Attempt { at: new.created_at, ..attempt };
    let (mut transaction, mut me) = Transaction::begin(conn, new.room_id, new.author.id, attempt)?;
    let repeated = messages::find_repeated(transaction.conn, new)?;
    if let Some((message, true)) = repeated {
        if me.is_banned && policy::rank(me.actor(), &me.standing(&transaction.room)) != Rank::Admin {
            return Err(ErrorCode::Banned.into());
        }
        let sent = if attempt.has_stored(message.created_at) {
            Sent::Created(message)
        } else {
            Sent::Repeated(message)
        };
        return Ok(Done::unchanged(sent));
    }
    transaction.check(&me, Operation::Send)?;
    if repeated.is_some() {
        return Err(ErrorCode::MessageIdReused.into());
    }
    if me.role.is_none() {
        let role = own_role(me.user.kind);
        transaction.join(&mut me, role)?;
    }
    let files = transaction.claimed(me.user.id, &new.attachments)?;
    transaction.count_slow_mode(&me)?;
    let rev = transaction.next_rev();
    transaction.room.last_seq = transaction.room.last_seq.next();
    let author = (&me.user).into();
    let new = NewMessage { author, ..new.clone() };
    let last_seq = transaction.room.last_seq;
    let message = match messages::create(transaction.conn, &new, last_seq, rev, files) {
        // Another room stored the id in the meantime.
        Err(DbError::Conflict(constraint)) if constraint == messages::ID_KEY => {
            return Err(ErrorCode::MessageIdReused.into());
        }
        message => message?,
    };
    if !message.attachments.is_empty() {
        attachments::claim(transaction.conn, message.id, &message.attachments)?;
    }
    let change = MessageChange { room_id: message.room_id, rev, message: message.clone() };
    transaction.changes.push((rev, ServerEvent::MessageCreated(change)));
    transaction.finish(Sent::Created(message))
}

impl Transaction<'_> {
    /// Refuses a message within the interval of the slow mode, or starts the interval.
    fn count_slow_mode(&mut self, me: &Membership) -> RoomResult<()> {
        let seconds = self.room.slow_mode_seconds;
        let is_exempt = matches!(
            policy::rank(me.actor(), &me.standing(&self.room)),
            Rank::Admin | Rank::Role(Role::Owner | Role::Moderator)
        );
        if seconds == 0 || is_exempt {
            return Ok(());
        }
        let interval = TimeDelta::seconds(i64::from(seconds));
        if let Some(rest) = me.sent_at.map(|sent_at| sent_at + interval - self.now)
            && rest > TimeDelta::zero()
        {
            return Err(Refusal::slow_mode(rest.num_milliseconds()).into());
        }
        Ok(db::members::set_sent_at(self.conn, self.room.id, me.user.id, self.now)?)
    }

    /// A message of the room.
    fn message(&mut self, id: MessageId) -> RoomResult<Message> {
        match messages::get(self.conn, self.room.id, id) {
            Err(DbError::NotFound) => Err(ErrorCode::MessageNotFound.into()),
            message => Ok(message?),
        }
    }

    /// Turns messages into tombstones, in their order.
    pub(super) fn delete_messages(&mut self, found: Vec<Message>) -> RoomResult<()> {
        let first = self.room.rev.next();
        let ids: Vec<MessageId> = found.iter().map(|message| message.id).collect();
        messages::delete(self.conn, &ids, first, self.now)?;
        for message in found {
            let rev = self.next_rev();
            let deleted_at = Some(self.now.into());
            let message = Message { text: None, attachments: Vec::new(), rev, deleted_at, ..message };
            let change = MessageChange { room_id: self.room.id, rev, message };
            self.changes.push((rev, ServerEvent::MessageDeleted(change)));
        }
        Ok(())
    }
}

/// Changes the text of a message, or drops files. Without a difference, the message is unchanged.
///
/// # Errors
/// The refusal.
pub fn update(
    conn: &mut Conn,
    room_id: RoomId,
    id: MessageId,
    by: UserId,
    update: &UpdateMessage,
    attempt: Attempt,
) -> RoomResult<Done<Message>> {
    let (mut transaction, me) = Transaction::begin(conn, room_id, by, attempt)?;
    let message = transaction.message(id)?;
    let is_own = message.author.id == by;
    let operation = if is_own { Operation::EditMessage } else { Operation::EditAnyMessage };
    transaction.check(&me, operation)?;
    let Some(before) = &message.text else { return Err(ErrorCode::MessageDeleted.into()) };
    let text = update.text.as_ref().map_or(before.as_str(), MessageText::as_str).to_owned();
    let files = match &update.attachments {
        Some(claims) => kept(&message.attachments, claims)?,
        None => message.attachments.clone(),
    };
    if text.is_empty() && files.is_empty() {
        let detail = "A message without files needs a text.";
        return Err(Refusal::invalid("text", InvalidCode::Required, detail).into());
    }
    if text == *before && files == message.attachments {
        return Ok(Done::unchanged(message));
    }
    let rev = transaction.next_rev();
    messages::update(transaction.conn, id, &text, &files, rev, attempt.at)?;
    let is_dropped = |file: &&Attachment| !files.iter().any(|kept| kept.id == file.id);
    let dropped: Vec<AttachmentId> =
        message.attachments.iter().filter(is_dropped).map(|file| file.id).collect();
    attachments::delete(transaction.conn, &dropped, attempt.at)?;
    let (text, edited_at) = (Some(text), Some(attempt.at.into()));
    let message = Message { text, attachments: files, rev, edited_at, ..message };
    let change = MessageChange { room_id, rev, message: message.clone() };
    transaction.changes.push((rev, ServerEvent::MessageUpdated(change)));
    transaction.finish(message)
}

/// Deletes a message. A deleted message is unchanged.
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
        return Ok(Done::unchanged(()));
    }
    transaction.delete_messages(vec![message])?;
    if author != by {
        transaction.audit(Some(by), "delete_message", Some(author), &AuditDetail::default())?;
    }
    transaction.finish(())
}

/// Erases messages of a user who deleted themselves. Those that are deleted already are left out.
///
/// # Errors
/// Errors of the database.
pub fn erase(conn: &mut Conn, room_id: RoomId, ids: &[MessageId], attempt: Attempt) -> RoomResult<Done<()>> {
    let mut transaction = Transaction::begin_for_server(conn, room_id, attempt)?;
    let found = messages::not_deleted(transaction.conn, room_id, ids)?;
    transaction.delete_messages(found)?;
    transaction.finish(())
}
