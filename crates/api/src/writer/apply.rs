//! Edits, deletions and renames: each one transaction under its room's lock, in which policy decides too.

use shared::ids::{MessageId, RoomId, UserId};
use shared::messages::{Message, MessageText};
use shared::rooms::{Room, RoomName};

use super::{Change, Done, Reply, Worker, WriteError, WriteResult};
use crate::db::rooms::now_millis;
use crate::db::{self, Conn, DbError, DbResult};
use crate::policy;

/// What a transaction under the room's lock came to: a refusal is an answer of it, not a failure.
type Verdict<T> = Result<Outcome<T>, WriteError>;

/// What the caller gets, and whether the database changed.
struct Outcome<T> {
    value: T,
    is_change: bool,
}

impl<T> Outcome<T> {
    fn changed(value: T) -> Self {
        Self { value, is_change: true }
    }

    fn unchanged(value: T) -> Self {
        Self { value, is_change: false }
    }
}

impl Worker {
    /// Makes one change, publishes it if it is one, and answers.
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::CreateMessage(new, reply) => self.create_messages(vec![(new, reply)]),
            Change::UpdateMessage { room_id, id, by, text, reply } => {
                let verdict =
                    self.decide(room_id, |conn| update_message(conn, room_id, id, by, text.as_ref()));
                self.answer_one(
                    verdict,
                    reply,
                    |hub, message| hub.message_updated(message.clone()),
                    |message| message,
                );
            }
            Change::DeleteMessage { room_id, id, by, reply } => {
                let verdict = self.decide(room_id, |conn| delete_message(conn, room_id, id, by));
                self.answer_one(verdict, reply, |hub, message| hub.message_deleted(message.clone()), |_| ());
            }
            Change::UpdateRoom { id, by, name, reply } => {
                let verdict = self.decide(id, |conn| update_room(conn, id, by, name.as_ref()));
                self.answer_one(verdict, reply, |hub, room| hub.room_updated(room.clone()), |room| room);
            }
            Change::DeleteRoom { id, by, reply } => {
                let verdict = self.decide(id, |conn| delete_room(conn, id, by));
                self.answer_one(verdict, reply, |hub, room| hub.room_deleted(room.clone()), |_| ());
            }
        }
    }

    /// Runs a transaction whose refusals roll it back.
    fn decide<T>(
        &mut self,
        room_id: RoomId,
        mut transaction: impl FnMut(&mut Conn) -> Verdict<T>,
    ) -> WriteResult<Done<Outcome<T>>> {
        let mut refusal = None;
        let answer = self.ask([room_id], |conn| {
            refusal = None;
            db::transaction(conn, |conn| match transaction(conn) {
                Ok(outcome) => Ok(outcome),
                Err(WriteError::Db(error)) => Err(error),
                Err(other) => {
                    refusal = Some(other);
                    Err(DbError::NotFound)
                }
            })
        });
        match (answer, refusal) {
            (Err(WriteError::Db(DbError::NotFound)), Some(refusal)) => Err(refusal),
            (answer, _) => answer,
        }
    }

    fn answer_one<T, A>(
        &self,
        answer: WriteResult<Done<Outcome<T>>>,
        reply: Reply<A>,
        publish: impl FnOnce(&crate::realtime::hub::Hub, &T),
        value: impl FnOnce(T) -> A,
    ) {
        let answer = answer.map(|Done { value: outcome, is_retry }| {
            // What a retry finds done may be the first try's doing; to publish it twice is harmless.
            if outcome.is_change || is_retry {
                publish(&self.hub, &outcome.value);
            }
            value(outcome.value)
        });
        let _ = reply.send(answer);
    }
}

/// The room, locked, or the refusal.
fn lock_room(conn: &mut Conn, id: RoomId) -> WriteResult<Room> {
    found(db::rooms::lock(conn, id), WriteError::NoRoom)
}

fn found<T>(result: DbResult<T>, missing: WriteError) -> WriteResult<T> {
    match result {
        Err(DbError::NotFound) => Err(missing),
        other => Ok(other?),
    }
}

fn update_message(
    conn: &mut Conn,
    room_id: RoomId,
    id: MessageId,
    by: UserId,
    text: Option<&MessageText>,
) -> Verdict<Message> {
    let room = lock_room(conn, room_id)?;
    let message = found(db::messages::get(conn, room_id, id), WriteError::NoMessage)?;
    if !policy::may_edit_message(by, &message) {
        return Err(WriteError::NotAuthor);
    }
    let Some(before) = &message.text else { return Err(WriteError::MessageDeleted) };
    let Some(text) = text.filter(|text| text.as_str() != before) else {
        return Ok(Outcome::unchanged(message));
    };
    let (rev, now) = (room.rev.next(), now_millis());
    db::messages::update(conn, id, text, rev, now)?;
    db::rooms::set_rev(conn, room_id, rev)?;
    let text = Some(text.as_str().to_owned());
    Ok(Outcome::changed(Message { text, rev, edited_at: Some(now.into()), ..message }))
}

fn delete_message(conn: &mut Conn, room_id: RoomId, id: MessageId, by: UserId) -> Verdict<Message> {
    let room = lock_room(conn, room_id)?;
    let message = found(db::messages::get(conn, room_id, id), WriteError::NoMessage)?;
    if !policy::may_delete_message(by, &message, &room) {
        return Err(WriteError::NotAuthor);
    }
    if message.deleted_at.is_some() {
        return Ok(Outcome::unchanged(message));
    }
    let (rev, now) = (room.rev.next(), now_millis());
    db::messages::delete(conn, id, rev, now)?;
    db::rooms::set_rev(conn, room_id, rev)?;
    Ok(Outcome::changed(Message { text: None, rev, deleted_at: Some(now.into()), ..message }))
}

fn update_room(conn: &mut Conn, id: RoomId, by: UserId, name: Option<&RoomName>) -> Verdict<Room> {
    let room = lock_room(conn, id)?;
    if !policy::may_change_room(by, &room) {
        return Err(WriteError::NotRoomOwner);
    }
    let Some(name) = name.filter(|name| **name != room.name) else { return Ok(Outcome::unchanged(room)) };
    Ok(Outcome::changed(db::rooms::update(conn, &room, name, now_millis())?))
}

fn delete_room(conn: &mut Conn, id: RoomId, by: UserId) -> Verdict<Room> {
    let room = lock_room(conn, id)?;
    if !policy::may_change_room(by, &room) {
        return Err(WriteError::NotRoomOwner);
    }
    Ok(Outcome::changed(db::rooms::delete(conn, &room, now_millis())?))
}
