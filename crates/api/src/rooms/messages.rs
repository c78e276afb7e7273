//! Sending what the writer's batch does not store, editing and deleting.

use chrono::TimeDelta;
use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::events::{MessageChange, ServerEvent};
use shared::files::Attachment;
use shared::ids::{AttachmentId, MessageId, Rev, RoomId, Seq, UserId};
use shared::members::{Operation, Role};
use shared::messages::{Message, MessageAnswer, MessageText, UpdateMessage};
use shared::reactions::Mine;
use shared::replies::Context;
use shared::stored::Stored;
use shared::text::InvalidCode;

use super::attachments::kept;
use super::error::{Refusal, RoomResult};
use super::{Attempt, Done, Transaction, own_role};
use crate::db::members::Membership;
use crate::db::messages::{self, NewMessage};
use crate::db::replies::{Beside, Parent};
use crate::db::{self, Conn, DbError, attachments};
use crate::formatting::Formatted;
use crate::formatting::mentions::EVERYONE;
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
    let parent = new.reply_to.map(|id| transaction.parent(id)).transpose()?;
    if new.format.everyone && !transaction.may_mention_everyone(&me) {
        return Err(ErrorCode::NotAllowed.into());
    }
    let files = transaction.claimed(me.user.id, &new.attachments)?;
    transaction.count_slow_mode(&me)?;
    let rev = transaction.next_rev();
    transaction.room.last_seq = transaction.room.last_seq.next();
    let author = (&me.user).into();
    let new = NewMessage { author, ..new.clone() };
    let last_seq = transaction.room.last_seq;
    let reply_to = parent.as_ref().map(Parent::reply_to);
    let message = match messages::create(transaction.conn, &new, last_seq, rev, files, reply_to) {
        // Another room stored the id in the meantime.
        Err(DbError::Conflict(constraint)) if constraint == messages::ID_KEY => {
            return Err(ErrorCode::MessageIdReused.into());
        }
        message => message?,
    };
    if !message.attachments.is_empty() {
        attachments::claim(transaction.conn, message.id, &message.attachments)?;
    }
    let mut context = Context::default();
    if let Some(reply_to) = reply_to {
        context.threads.push(db::replies::add_to_thread(transaction.conn, reply_to.root_id, last_seq)?);
    }
    let answered = parent.as_ref().map(|parent| parent.quote.author.id);
    transaction.mention(&message, &new.format, answered)?;
    context.quotes.extend(parent.map(|parent| parent.quote));
    let change = MessageChange { context, ..MessageChange::of(message.clone()) };
    transaction.changes.push((rev, ServerEvent::MessageCreated(change)));
    transaction.finish(Sent::Created(message))
}

impl Transaction<'_> {
    /// The message that a reply answers.
    ///
    /// # Errors
    /// `unknown_message` if the room has no such message, `message_deleted` if it is deleted.
    fn parent(&mut self, id: MessageId) -> RoomResult<Parent> {
        let Some(parent) = db::replies::parent(self.conn, self.room.id, id)? else {
            let detail = "This room has no such message.";
            return Err(Refusal::invalid("reply_to", InvalidCode::UnknownMessage, detail).into());
        };
        if parent.quote.deleted { Err(ErrorCode::MessageDeleted.into()) } else { Ok(parent) }
    }

    /// Whether `@everyone` of a user counts.
    pub(super) fn may_mention_everyone(&self, me: &Membership) -> bool {
        policy::may_mention_everyone(me.actor(), &me.standing(&self.room))
    }

    /// Stores whom a message mentions, in place of whom it mentioned before.
    fn mention(&mut self, message: &Message, format: &Formatted, answered: Option<UserId>) -> RoomResult<()> {
        let (room_id, author) = (message.room_id, message.author.id);
        let everyone = format.everyone.then_some(EVERYONE);
        let mut users: Vec<UserId> = format
            .mentions
            .iter()
            .copied()
            .chain(answered)
            .chain(everyone)
            .filter(|id| *id != author)
            .collect();
        users.sort_unstable();
        users.dedup();
        let touched = db::mentions::replace(self.conn, room_id, message.seq, author, &users)?;
        self.mentioned.extend(touched);
        Ok(())
    }

    /// A message as the answer to a user.
    pub(super) fn answer(&mut self, message: Message, by: UserId) -> RoomResult<MessageAnswer> {
        let published = self.changes.iter().rev().find_map(|(_, event)| match event {
            ServerEvent::MessageUpdated(change) if change.message.id == message.id => Some(&change.context),
            _ => None,
        });
        let messages = std::slice::from_ref(&message);
        let Beside { context, mine } = match published {
            Some(context) => {
                let mine = db::reactions::mine(self.conn, by, messages)?;
                Beside { context: context.clone(), mine }.of(&message, false)
            }
            None => db::replies::beside(self.conn, messages, Some(by))?,
        };
        Ok(MessageAnswer { message, context, mine })
    }

    /// Publishes a change of messages, with what they refer to.
    pub(super) fn messages_changed(
        &mut self,
        messages: Vec<Message>,
        event: fn(MessageChange) -> ServerEvent,
    ) -> RoomResult<()> {
        let context = db::replies::context(self.conn, &messages)?;
        self.changes.extend(changes_of(messages, &context, event));
        Ok(())
    }

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
    pub(super) fn message(&mut self, id: MessageId) -> RoomResult<Message> {
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
        let seqs: Vec<Seq> = found.iter().map(|message| message.seq).collect();
        self.mentioned.extend(db::mentions::delete(self.conn, self.room.id, &seqs)?);
        let tombstone = |message| Message {
            text: None,
            body: None,
            attachments: Vec::new(),
            reactions: None,
            pinned_at: None,
            rev: self.next_rev(),
            deleted_at: Some(self.now.into()),
            ..message
        };
        let tombstones = found.into_iter().map(tombstone).collect();
        self.messages_changed(tombstones, ServerEvent::MessageDeleted)
    }
}

/// Changes of messages as events, each with what its message refers to.
pub(super) fn changes_of(
    messages: Vec<Message>,
    context: &Context,
    event: fn(MessageChange) -> ServerEvent,
) -> Vec<(Rev, ServerEvent)> {
    let whole = Beside { context: context.clone(), mine: Mine::new() };
    let change = |message: Message| {
        let Beside { context, mine } = whole.of(&message, true);
        let (room_id, rev) = (message.room_id, message.rev);
        (rev, event(MessageChange { room_id, rev, message, context, mine }))
    };
    messages.into_iter().map(change).collect()
}

/// Changes the text of a message, or drops files. `format` is that of the new text. Without a difference, the message is
/// unchanged.
///
/// # Errors
/// The refusal.
pub fn update(
    conn: &mut Conn,
    room_id: RoomId,
    id: MessageId,
    by: UserId,
    update: &UpdateMessage,
    format: &Formatted,
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
    let is_new_text = text != *before;
    if is_new_text && format.everyone && !transaction.may_mention_everyone(&me) {
        return Err(ErrorCode::NotAllowed.into());
    }
    let rev = transaction.next_rev();
    if is_new_text {
        let since = message.edited_at.unwrap_or(message.created_at);
        db::edits::create(transaction.conn, id, rev, before, since.into())?;
    }
    let new_text = is_new_text.then_some((text.as_str(), format));
    messages::update(transaction.conn, id, new_text, &files, rev, attempt.at)?;
    let is_dropped = |file: &&Attachment| !files.iter().any(|kept| kept.id == file.id);
    let dropped: Vec<AttachmentId> =
        message.attachments.iter().filter(is_dropped).map(|file| file.id).collect();
    attachments::delete(transaction.conn, &dropped, attempt.at)?;
    let (text, edited_at) = (Some(text), Some(attempt.at.into()));
    let new_body = || format.body.clone().and_then(Stored::from_json);
    let body = if is_new_text { new_body() } else { message.body.clone() };
    let message = Message { text, body, attachments: files, rev, edited_at, ..message };
    if is_new_text {
        let answered = match message.reply_to {
            Some(reply) => db::replies::parent(transaction.conn, room_id, reply.id)?,
            None => None,
        };
        transaction.mention(&message, format, answered.map(|parent| parent.quote.author.id))?;
    }
    transaction.messages_changed(vec![message.clone()], ServerEvent::MessageUpdated)?;
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
