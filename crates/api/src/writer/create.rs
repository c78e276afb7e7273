//! Sends: many in one statement.

use shared::ids::RoomId;
use shared::messages::Message;

use super::{Done, Reply, Worker, WriteError, WriteResult};
use crate::db::DbError;
use crate::db::messages::{self, NewMessage, Stored};

impl Worker {
    /// Stores all of them in one commit. If the database refuses the lot, each gets its own, so that one bad row
    /// fails alone.
    pub(super) fn create_messages(&mut self, sends: Vec<(NewMessage, Reply<Stored>)>) {
        if sends.is_empty() {
            return;
        }
        let (batch, replies): (Vec<NewMessage>, Vec<Reply<Stored>>) = sends.into_iter().unzip();
        match self.ask(rooms(&batch), |conn| messages::create_all(conn, &batch)) {
            Ok(done) => self.answer(done, replies),
            Err(WriteError::Db(DbError::Other(_) | DbError::Conflict(_))) if batch.len() > 1 => {
                for (new, reply) in batch.into_iter().zip(replies) {
                    self.create_messages(vec![(new, reply)]);
                }
            }
            // Another server stored a message of that id between our look and our insert: look again.
            Err(WriteError::Db(DbError::Conflict(_))) => {
                match self.ask(rooms(&batch), |conn| messages::create_all(conn, &batch)) {
                    Ok(done) => self.answer(done, replies),
                    Err(error) => refuse(error, replies),
                }
            }
            Err(error) => refuse(error, replies),
        }
    }

    /// Publishes in the order of `rev`, then tells the senders: an answered send is a published one.
    fn answer(&mut self, done: Done<Vec<Stored>>, replies: Vec<Reply<Stored>>) {
        let Done { value: mut stored, is_retry } = done;
        if is_retry {
            self.reclaim_own(&mut stored);
        }
        let mut created: Vec<&Message> = stored
            .iter()
            .filter_map(|stored| if let Stored::Created(message) = stored { Some(message) } else { None })
            .collect();
        created.sort_by_key(|message| message.rev);
        for message in created {
            self.hub.message_created(message.clone());
        }
        for (stored, reply) in stored.into_iter().zip(replies) {
            // The client may be gone; its message stays.
            let _ = reply.send(Ok(stored));
        }
    }

    /// After a retry, what looks like a repeat may be what the first try stored: then nobody has heard of it yet.
    fn reclaim_own(&self, stored: &mut [Stored]) {
        for answer in stored {
            if let Stored::Repeated(message) = answer
                && self.hub.published(message.room_id).is_none_or(|published| message.rev > published)
            {
                *answer = Stored::Created(message.clone());
            }
        }
    }
}

fn rooms(batch: &[NewMessage]) -> impl Iterator<Item = RoomId> {
    batch.iter().map(|new| new.room_id)
}

/// Tells all of them the same.
fn refuse(error: WriteError, mut replies: Vec<Reply<Stored>>) {
    tracing::warn!(%error, messages = replies.len(), "messages could not be stored");
    let last = replies.pop();
    for reply in replies {
        let answer: WriteResult<Stored> = Err(match &error {
            WriteError::OutcomeUnknown => WriteError::OutcomeUnknown,
            other => WriteError::Db(DbError::Unavailable(other.to_string())),
        });
        let _ = reply.send(answer);
    }
    if let Some(reply) = last {
        let _ = reply.send(Err(error));
    }
}
