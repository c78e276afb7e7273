//! New messages, many in one statement.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use shared::ids::{RoomId, UserId};
use shared::messages::Message;

use super::ANSWER_TIMEOUT;
use super::change::{Doubt, Reply, WriteError};
use super::worker::{Attempts, Worker};
use crate::db::DbError;
use crate::db::messages::{self, NewMessage};
use crate::rooms::messages::Sent;

type Send = (NewMessage, Reply<Sent>);

impl Worker {
    /// Stores all of them, in one commit if their ids are distinct: a statement stores an id only once.
    pub(super) fn create_messages(&mut self, mut sends: Vec<Send>) {
        while !sends.is_empty() {
            let mut seen = HashSet::with_capacity(sends.len());
            let (distinct, duplicates): (Vec<Send>, Vec<Send>) =
                sends.into_iter().partition(|(new, _)| seen.insert(new.id));
            let attempts = Attempts::new(rooms_of(&distinct, Doubt::Message));
            self.store(distinct, attempts);
            sends = duplicates;
        }
    }

    /// Stores messages with distinct ids in one commit. If one of them seems to be the cause of a failure, each gets
    /// its own commit, so that only the faulty one fails.
    fn store(&mut self, sends: Vec<Send>, mut attempts: Attempts) {
        let batch: Vec<&NewMessage> = sends.iter().map(|(new, _)| new).collect();
        match self.execute(&mut attempts, |conn| Ok(messages::create_all(conn, &batch)?)) {
            Ok(created) => self.answer(sends, created, attempts.is_retry),
            Err(error) if attempts.is_suspect && sends.len() > 1 => {
                tracing::warn!(%error, messages = sends.len(), "storing the messages of a batch one by one");
                self.store_singly(sends, &attempts);
            }
            // Another connection stored the id between the statement's check and its insert.
            Err(WriteError::Db(DbError::Conflict(constraint))) if constraint == messages::ID_KEY => {
                self.answer(sends, vec![None], attempts.is_retry);
            }
            Err(error) => self.refuse(sends, error),
        }
    }

    fn store_singly(&mut self, sends: Vec<Send>, whole: &Attempts) {
        let started = Instant::now();
        for send in sends {
            if started.elapsed() < ANSWER_TIMEOUT {
                let attempts = Attempts::of_part(whole, vec![(send.0.room_id, Doubt::Message)]);
                self.store(vec![send], attempts);
            } else {
                // The clients have stopped waiting.
                let failed = DbError::Unavailable("the batch took too long".to_owned()).into();
                let error = if whole.is_retry { WriteError::OutcomeUnknown } else { failed };
                self.refuse(vec![send], error);
            }
        }
    }

    /// Publishes the stored messages in the order of `rev`, then answers: an acknowledged message is always published.
    /// Those that the statement skipped are judged singly.
    fn answer(&mut self, sends: Vec<Send>, created: Vec<Option<Message>>, is_retry: bool) {
        let mut mentioned: HashMap<RoomId, Vec<UserId>> = HashMap::new();
        for ((new, _), _) in sends.iter().zip(&created).filter(|(_, created)| created.is_some()) {
            if !new.format.mentions.is_empty() {
                mentioned.entry(new.room_id).or_default().extend(&new.format.mentions);
            }
        }
        let mut stored: Vec<&Message> = created.iter().flatten().collect();
        stored.sort_by_key(|message| (message.room_id, message.rev));
        let rooms: Vec<(RoomId, Vec<Message>)> = stored
            .chunk_by(|one, next| one.room_id == next.room_id)
            .map(|messages| (messages[0].room_id, messages.iter().copied().cloned().collect()))
            .collect();
        let mut wakeups = Vec::with_capacity(rooms.len());
        for (room_id, messages) in rooms {
            let first = messages[0].rev;
            self.publish(room_id, Doubt::Message, first, |hub| {
                let mentioned = mentioned.get(&room_id).map_or(&[][..], Vec::as_slice);
                wakeups.push(hub.messages_stored(room_id, messages, mentioned));
            });
        }
        let mut skipped = Vec::new();
        for (message, (new, reply)) in created.into_iter().zip(sends) {
            match message {
                // The client may be gone; its message remains stored.
                Some(message) => drop(reply.send(Ok(Sent::Created(message)))),
                None => skipped.push((new, reply)),
            }
        }
        // After the answers: each sender waits for one, while thousands of readers may each write to a socket.
        drop(wakeups);
        self.judge(skipped, is_retry);
    }
}

fn rooms_of(sends: &[Send], doubt: Doubt) -> Vec<(RoomId, Doubt)> {
    sends.iter().map(|(new, _)| (new.room_id, doubt)).collect()
}
