//! Reacting to messages.

use std::collections::{BTreeMap, HashSet};

use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::ids::{MessageId, Rev, RoomId, UserId};
use shared::members::Operation;
use shared::messages::{Message, MessageAnswer};
use shared::reactions::{MAX_KINDS, MAX_LISTED_USERS, Mine, Reaction};
use shared::rooms::Room;
use shared::stored::Stored;

use super::error::RoomResult;
use super::messages::changes_of;
use super::{Attempt, Done, Transaction, own_role};
use crate::db::reactions::{NewReaction, RoomStep, Target};
use crate::db::replies::Beside;
use crate::db::{self, Conn, reactions};
use crate::realtime::publication::Publication;

/// The outcome of reactions that were stored together.
#[derive(Debug)]
pub struct DoneTogether {
    /// The answers, in the order of the reactions. `None` is one that needs a second look, and changed nothing.
    pub answers: Vec<Option<MessageAnswer>>,
    /// What is published after the commit: one for each room.
    pub publications: Vec<Publication>,
}

/// The messages of a room to which users react.
struct Reacted {
    before: Rev,
    rights_version: i64,
    room: Room,
    /// The messages with their sums.
    messages: Vec<(Message, Vec<Reaction>)>,
    told: Vec<(UserId, ServerEvent)>,
}

impl Reacted {
    fn new(room: Room, rights_version: i64) -> Self {
        Self { before: room.rev, rights_version, room, messages: Vec::new(), told: Vec::new() }
    }

    /// Counts a reaction to a message of the room. Returns whether its outcome is known.
    fn count(&mut self, new: &NewReaction, message: Message) -> bool {
        let known = self.messages.iter().position(|(known, _)| known.id == message.id);
        let mut sum = known.map_or_else(|| sum_of(&message), |place| self.messages[place].1.clone());
        if count(&mut sum, new) != Counted::Known {
            return false;
        }
        // All reactions to a message are one change.
        match known {
            Some(place) => self.messages[place].1 = sum,
            None => {
                self.room.rev = self.room.rev.next();
                self.messages.push((Message { rev: self.room.rev, ..message }, sum));
            }
        }
        self.told.push((new.by, reacted(new)));
        true
    }
}

/// Stores reactions that need no second look, in any rooms, in one commit: those of members who may react, to messages
/// that exist, where nothing happens in the room in between. They are judged without a lock.
///
/// # Errors
/// Errors of the database. Nothing is stored then, except that it is unknown after a lost connection.
pub fn set_together(conn: &mut Conn, batch: &[&NewReaction], attempt: Attempt) -> db::DbResult<DoneTogether> {
    let (targets, prefetched) = reactions::targets(conn, batch, attempt.at)?;
    let mut rooms: BTreeMap<RoomId, Reacted> = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut counted: Vec<Option<&NewReaction>> = Vec::with_capacity(batch.len());
    for (new, target) in batch.iter().zip(targets) {
        let is_first = seen.insert((new.message_id, &new.emoji, new.by));
        counted.push(target.filter(|_| is_first).and_then(|Target { room, rights_version, message }| {
            let room = rooms.entry(room.id).or_insert_with(|| Reacted::new(room, rights_version));
            room.count(new, message).then_some(*new)
        }));
    }
    let (mut steps, mut changed) = (Vec::new(), Vec::new());
    for Reacted { before, rights_version, room, messages, .. } in rooms.values_mut() {
        steps.push(RoomStep {
            room_id: room.id,
            before: *before,
            rights_version: *rights_version,
            after: room.rev,
        });
        for (message, sum) in messages {
            message.reactions = reactions::to_json(sum).and_then(Stored::from_json);
            changed.push(message.clone());
        }
    }
    let context = db::replies::context_prefetched(conn, &changed, &prefetched)?;
    let stored: Vec<&NewReaction> = counted.iter().copied().flatten().collect();
    // All that is read is read before the commit: nothing may fail between that and the publication.
    let mut answers = Vec::with_capacity(batch.len());
    for new in counted {
        let message = new.and_then(|new| changed.iter().find(|message| message.id == new.message_id));
        answers.push(match (new, message) {
            (Some(new), Some(message)) => {
                let beside =
                    Beside { context: context.clone(), mine: mine_after(conn, new.by, message, &stored)? };
                let Beside { context, mine } = beside.of(message, false);
                Some(MessageAnswer { message: message.clone(), context, mine })
            }
            _ => None,
        });
    }
    let moved =
        if stored.is_empty() { Vec::new() } else { reactions::store(conn, &steps, &changed, &stored)? };
    let is_moved = |answer: &MessageAnswer| moved.contains(&answer.message.room_id);
    let answers = answers.into_iter().map(|answer| answer.filter(is_moved)).collect();
    let publication = |Reacted { room, messages, told, .. }: Reacted| {
        let messages = messages.into_iter().map(|(message, _)| message).collect();
        let changes = changes_of(messages, &context, ServerEvent::MessageUpdated);
        Publication { told, ..Publication::of(room, changes) }
    };
    let publications =
        rooms.into_values().filter(|changed| moved.contains(&changed.room.id)).map(publication);
    Ok(DoneTogether { publications: publications.collect(), answers })
}

/// The reactions of a user to a message as they are when these are stored.
fn mine_after(
    conn: &mut Conn,
    user: UserId,
    message: &Message,
    batch: &[&NewReaction],
) -> db::DbResult<Mine> {
    let (mut mine, unclear) = reactions::own([(message.id, &sum_of(message))], user);
    if !unclear.is_empty() {
        let mut own = reactions::of_user(conn, user, &unclear)?.remove(&message.id).unwrap_or_default();
        for new in batch.iter().filter(|new| new.message_id == message.id && new.by == user) {
            if new.is_active {
                own.push(new.emoji.clone());
            } else {
                own.retain(|emoji| *emoji != new.emoji);
            }
        }
        if !own.is_empty() {
            mine.insert(message.id, own);
        }
    }
    Ok(mine)
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
    match count(&mut sum, new) {
        Counted::Known => {}
        Counted::TooMany => return Err(ErrorCode::TooManyReactions.into()),
        Counted::Unlisted(place) => {
            sum[place].user_ids = reactions::first_users(transaction.conn, *message_id, emoji)?;
        }
    }
    if me.role.is_none() && *is_active {
        let role = own_role(me.user.kind);
        transaction.join(&mut me, role)?;
    }
    transaction.told.push((*by, reacted(new)));
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
    for by in users {
        let removed = NewReaction { room_id, message_id, emoji: emoji.to_owned(), by, is_active: false };
        transaction.told.push((by, reacted(&removed)));
    }
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

/// What became of a sum.
#[derive(Debug, PartialEq, Eq)]
enum Counted {
    /// It is known.
    Known,
    /// The message has too many kinds of reactions.
    TooMany,
    /// The kind at this place has one less, and another user comes into its list.
    Unlisted(usize),
}

/// Counts a reaction, or its end, in the sum.
fn count(sum: &mut Vec<Reaction>, new: &NewReaction) -> Counted {
    let NewReaction { emoji, by, is_active, .. } = new;
    let Some(place) = sum.iter().position(|kind| kind.emoji == *emoji) else {
        if *is_active {
            if sum.len() >= MAX_KINDS {
                return Counted::TooMany;
            }
            sum.push(Reaction { emoji: emoji.clone(), count: 1, user_ids: vec![*by] });
        }
        return Counted::Known;
    };
    let kind = &mut sum[place];
    if *is_active {
        kind.count += 1;
        if kind.user_ids.len() < MAX_LISTED_USERS {
            kind.user_ids.push(*by);
        }
        return Counted::Known;
    }
    let are_all_listed = kind.user_ids.len() == kind.count as usize;
    let was_listed = kind.user_ids.contains(by);
    kind.count = kind.count.saturating_sub(1);
    kind.user_ids.retain(|user| user != by);
    if kind.count == 0 {
        sum.remove(place);
    } else if was_listed && !are_all_listed {
        return Counted::Unlisted(place);
    }
    Counted::Known
}

fn reacted(new: &NewReaction) -> ServerEvent {
    let NewReaction { room_id, message_id, emoji, is_active, .. } = new;
    ServerEvent::Reacted {
        room_id: *room_id,
        message_id: *message_id,
        emoji: emoji.clone(),
        active: *is_active,
    }
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
