//! All changes except new messages: each is one transaction. Edits, renames and deletions check permissions under the
//! lock of the room.
//!
//! Each change takes its timestamp once, before the first attempt. By the timestamp, a later attempt recognises what an
//! earlier one stored.

use chrono::{DateTime, Utc};
use shared::ids::{MessageId, RoomId, UserId};
use shared::messages::{Message, MessageText};
use shared::rooms::{Room, RoomName};

use super::change::{Change, Doubt, Reply, WriteError, WriteResult};
use super::worker::{Attempts, Worker};
use crate::clock;
use crate::db::rooms::{NewRoom, StoredRoom};
use crate::db::{self, Conn, DbError, DbResult};
use crate::policy;
use crate::realtime::hub::Hub;

/// The result for the client, and whether this change caused it.
struct Outcome<T> {
    value: T,
    is_change: bool,
}

impl<T> Outcome<T> {
    fn changed(value: T) -> Self {
        Self { value, is_change: true }
    }
}

impl Worker {
    /// Makes one change, publishes it, and answers.
    pub(super) fn apply(&mut self, change: Change) {
        let now = clock::now();
        match change {
            Change::CreateRoom(new, reply) => self.create_room(&new, reply),
            Change::CreateMessage(new, reply) => self.create_messages(vec![(new, reply)]),
            Change::UpdateMessage { room_id, id, by, text, reply } => {
                let transaction = |conn: &mut Conn| update_message(conn, room_id, id, by, text.as_ref(), now);
                let answer = self.change(room_id, Doubt::Message, transaction, Hub::message_updated);
                let _ = reply.send(answer);
            }
            Change::DeleteMessage { room_id, id, by, reply } => {
                let transaction = |conn: &mut Conn| delete_message(conn, room_id, id, by, now);
                let answer = self.change(room_id, Doubt::Message, transaction, Hub::message_deleted);
                let _ = reply.send(answer.map(|_| ()));
            }
            Change::UpdateRoom { id, by, name, reply } => {
                let transaction = |conn: &mut Conn| update_room(conn, id, by, name.as_ref(), now);
                let answer = self.change(id, Doubt::Room, transaction, Hub::room_updated);
                let _ = reply.send(answer);
            }
            Change::DeleteRoom { id, by, reply } => {
                let transaction = |conn: &mut Conn| delete_room(conn, id, by, now);
                let answer = self.change(id, Doubt::Room, transaction, Hub::room_deleted);
                let _ = reply.send(answer.map(|_| ()));
            }
        }
    }

    fn create_room(&mut self, new: &NewRoom, reply: Reply<StoredRoom>) {
        let mut attempts = Attempts::new();
        let stored = match self.execute(&mut attempts, |conn| Ok(db::rooms::create(conn, new)?)) {
            // By its timestamp, it was stored by this request, not by an earlier one of the client.
            Ok(StoredRoom::Repeated(room))
                if attempts.is_retry && room.created_at == new.created_at.into() =>
            {
                Ok(StoredRoom::Created(room))
            }
            stored => stored,
        };
        match &stored {
            Ok(StoredRoom::Created(room)) => {
                self.publish(room.id, Doubt::Creation, |hub| hub.room_created(room.clone()));
            }
            Err(WriteError::OutcomeUnknown) => self.doubt(new.id, Doubt::Creation),
            _ => {}
        }
        let _ = reply.send(stored);
    }

    /// Runs a transaction, which an error rolls back, and publishes the change.
    fn change<T: Clone>(
        &mut self,
        room_id: RoomId,
        kind: Doubt,
        mut transaction: impl FnMut(&mut Conn) -> WriteResult<Outcome<T>>,
        publish: impl FnOnce(&Hub, T),
    ) -> WriteResult<T> {
        let mut attempts = Attempts::new();
        match self.execute(&mut attempts, |conn| db::transaction(conn, &mut transaction)) {
            Ok(Outcome { value, is_change }) => {
                if is_change {
                    let published = value.clone();
                    self.publish(room_id, kind, |hub| publish(hub, published));
                }
                Ok(value)
            }
            Err(error) => {
                if matches!(error, WriteError::OutcomeUnknown) {
                    self.doubt(room_id, kind);
                }
                Err(error)
            }
        }
    }
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
    now: DateTime<Utc>,
) -> WriteResult<Outcome<Message>> {
    let room = found(db::rooms::lock(conn, room_id), WriteError::NoRoom)?;
    let message = found(db::messages::get(conn, room_id, id), WriteError::NoMessage)?;
    if !policy::may_edit_message(by, &message) {
        return Err(WriteError::NotAuthor);
    }
    let Some(before) = &message.text else { return Err(WriteError::MessageDeleted) };
    let Some(text) = text.filter(|text| text.as_str() != before) else {
        return Ok(Outcome { is_change: message.edited_at == Some(now.into()), value: message });
    };
    let rev = room.rev.next();
    db::messages::update(conn, id, text, rev, now)?;
    db::rooms::set_rev(conn, room_id, rev)?;
    let text = Some(text.as_str().to_owned());
    Ok(Outcome::changed(Message { text, rev, edited_at: Some(now.into()), ..message }))
}

fn delete_message(
    conn: &mut Conn,
    room_id: RoomId,
    id: MessageId,
    by: UserId,
    now: DateTime<Utc>,
) -> WriteResult<Outcome<Message>> {
    let room = found(db::rooms::lock(conn, room_id), WriteError::NoRoom)?;
    let message = found(db::messages::get(conn, room_id, id), WriteError::NoMessage)?;
    if !policy::may_delete_message(by, &message, &room) {
        return Err(WriteError::NotAuthor);
    }
    if message.deleted_at.is_some() {
        return Ok(Outcome { is_change: message.deleted_at == Some(now.into()), value: message });
    }
    let rev = room.rev.next();
    db::messages::delete(conn, id, rev, now)?;
    db::rooms::set_rev(conn, room_id, rev)?;
    Ok(Outcome::changed(Message { text: None, rev, deleted_at: Some(now.into()), ..message }))
}

fn update_room(
    conn: &mut Conn,
    id: RoomId,
    by: UserId,
    name: Option<&RoomName>,
    now: DateTime<Utc>,
) -> WriteResult<Outcome<Room>> {
    let room = found(db::rooms::lock(conn, id), WriteError::NoRoom)?;
    if !policy::may_change_room(by, &room) {
        return Err(WriteError::NotRoomOwner);
    }
    let Some(name) = name.filter(|name| **name != room.name) else {
        return Ok(Outcome { is_change: room.updated_at == now.into(), value: room });
    };
    Ok(Outcome::changed(db::rooms::update(conn, &room, name, now)?))
}

fn delete_room(conn: &mut Conn, id: RoomId, by: UserId, now: DateTime<Utc>) -> WriteResult<Outcome<Room>> {
    let room = match db::rooms::lock(conn, id) {
        Err(DbError::NotFound) => {
            let tombstone = found(db::rooms::get_deleted(conn, id), WriteError::NoRoom)?;
            let is_own = tombstone.updated_at == now.into() && policy::may_change_room(by, &tombstone);
            return if is_own { Ok(Outcome::changed(tombstone)) } else { Err(WriteError::NoRoom) };
        }
        room => room?,
    };
    if !policy::may_change_room(by, &room) {
        return Err(WriteError::NotRoomOwner);
    }
    Ok(Outcome::changed(db::rooms::delete(conn, &room, now)?))
}
