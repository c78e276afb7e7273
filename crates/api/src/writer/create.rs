//! New messages, many in one statement.

use std::collections::HashSet;
use std::time::Instant;

use shared::ids::RoomId;
use shared::messages::Message;

use super::ANSWER_TIMEOUT;
use super::change::{Doubt, Reply, WriteError, WriteResult};
use super::worker::{Attempts, Worker};
use crate::db::DbError;
use crate::db::messages::{self, NewMessage, Stored};

type Send = (NewMessage, Reply<Stored>);

impl Worker {
    /// Stores all of them, in one commit if their ids are distinct: a statement stores an id only once.
    pub(super) fn create_messages(&mut self, mut sends: Vec<Send>) {
        while !sends.is_empty() {
            let mut seen = HashSet::with_capacity(sends.len());
            let (distinct, duplicates) = sends.into_iter().partition(|(new, _)| seen.insert(new.id));
            self.store(distinct, Attempts::new());
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
                self.store_singly(sends, attempts);
            }
            // Another connection stored the id between the statement's check and its insert.
            Err(WriteError::Db(DbError::Conflict(constraint))) if constraint == messages::ID_KEY => {
                self.answer(sends, vec![None], attempts.is_retry);
            }
            Err(error) => self.refuse(sends, error),
        }
    }

    fn store_singly(&mut self, sends: Vec<Send>, whole: Attempts) {
        let started = Instant::now();
        for send in sends {
            if started.elapsed() < ANSWER_TIMEOUT {
                self.store(vec![send], Attempts::of_part(whole));
            } else {
                // The clients have stopped waiting.
                let failed = DbError::Unavailable("the batch took too long".to_owned()).into();
                let error = if whole.is_retry { WriteError::OutcomeUnknown } else { failed };
                self.refuse(vec![send], error);
            }
        }
    }

    /// Publishes the stored messages in the order of `rev`, then answers: an acknowledged message is always published.
    fn answer(&mut self, sends: Vec<Send>, created: Vec<Option<Message>>, is_retry: bool) {
        let mut answers: Vec<Option<WriteResult<Stored>>> =
            created.into_iter().map(|message| message.map(|message| Ok(Stored::Created(message)))).collect();
        if is_retry {
            // An apparent repeat may have been stored by the first attempt, and is not published yet.
            for (answer, (new, _)) in answers.iter_mut().zip(&sends).filter(|(answer, _)| answer.is_none()) {
                *answer = Some(self.explain(new, true));
            }
        }
        let mut stored: Vec<&Message> = answers.iter().flatten().filter_map(message).collect();
        stored.sort_by_key(|message| (message.room_id, message.rev));
        let rooms: Vec<(RoomId, Vec<Message>)> = stored
            .chunk_by(|one, next| one.room_id == next.room_id)
            .map(|messages| (messages[0].room_id, messages.iter().copied().cloned().collect()))
            .collect();
        let mut wakeups = Vec::with_capacity(rooms.len());
        for (room_id, messages) in rooms {
            // Followers ignore what they have received, so a message may be published twice.
            self.publish(room_id, Doubt::Message, |hub| wakeups.push(hub.messages_stored(room_id, messages)));
        }
        let mut unexplained = Vec::new();
        for (answer, (new, reply)) in answers.into_iter().zip(sends) {
            match answer {
                // The client may be gone; its message remains stored.
                Some(answer) => drop(reply.send(answer)),
                None => unexplained.push((new, reply)),
            }
        }
        // After the answers: each sender waits for one, while thousands of readers may each write to a socket.
        drop(wakeups);
        for (new, reply) in unexplained {
            let answer = self.explain(&new, false);
            let _ = reply.send(answer);
        }
    }

    /// Finds out why a message was not stored. Messages that were stored are not affected.
    fn explain(&mut self, new: &NewMessage, is_retry: bool) -> WriteResult<Stored> {
        match self.execute(&mut Attempts::new(), |conn| Ok(messages::explain_unstored(conn, new)?)) {
            // By its timestamp, it was stored by this request, not by an earlier one of the client.
            Ok(Stored::Repeated(message)) if is_retry && message.created_at == new.created_at.into() => {
                Ok(Stored::Created(message))
            }
            Err(_) if is_retry => {
                self.doubt(new.room_id, Doubt::Message);
                Err(WriteError::OutcomeUnknown)
            }
            // It was not stored; only the reason is unknown.
            Err(WriteError::OutcomeUnknown) => {
                Err(DbError::Unavailable("the connection broke while reading".to_owned()).into())
            }
            answer => answer,
        }
    }

    /// Answers all of them with the same error.
    fn refuse(&mut self, mut sends: Vec<Send>, error: WriteError) {
        tracing::warn!(%error, messages = sends.len(), "messages could not be stored");
        if matches!(error, WriteError::OutcomeUnknown) {
            for (new, _) in &sends {
                self.doubt(new.room_id, Doubt::Message);
            }
        }
        let last = sends.pop();
        for (_, reply) in sends {
            let _ = reply.send(Err(match &error {
                WriteError::OutcomeUnknown => WriteError::OutcomeUnknown,
                other => DbError::Unavailable(other.to_string()).into(),
            }));
        }
        if let Some((_, reply)) = last {
            let _ = reply.send(Err(error));
        }
    }
}

fn message(answer: &WriteResult<Stored>) -> Option<&Message> {
    match answer {
        Ok(Stored::Created(message) | Stored::Repeated(message)) => Some(message),
        _ => None,
    }
}
