//! New messages, many in one statement.

use std::collections::HashSet;
use std::time::Instant;

use shared::ids::RoomId;
use shared::messages::Message;

use super::ANSWER_TIMEOUT;
use super::change::{Doubt, Reply, WriteError, WriteResult};
use super::worker::{Attempts, Worker};
use crate::db::messages::{self, NewMessage};
use crate::db::{self, Conn, DbError};
use crate::rooms::error::RoomError;
use crate::rooms::messages::{Sent, send};
use crate::rooms::{Attempt, Done};

/// How many messages are judged in one transaction: each takes several statements.
const MAX_JUDGED: usize = 100;

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
                wakeups.push(hub.messages_stored(room_id, messages));
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
        while !skipped.is_empty() {
            let rest = skipped.split_off(skipped.len().min(MAX_JUDGED));
            self.judge(std::mem::replace(&mut skipped, rest), is_retry);
        }
    }

    /// Sends messages that need a second look: repeats, and those of authors who join, are refused, or wait for the slow
    /// mode. They share a commit.
    fn judge(&mut self, sends: Vec<Send>, was_retried: bool) {
        if sends.is_empty() {
            return;
        }
        let mut attempts = Attempts::new(rooms_of(&sends, Doubt::Room));
        let mut attempt = Attempt { is_retry: was_retried, ..Attempt::first() };
        let outcome = self.execute(&mut attempts, |conn| {
            let this = attempt;
            attempt.is_retry = true;
            Ok(judge_all(conn, &sends, this)?)
        });
        match outcome {
            Ok(judged) => {
                for (outcome, (_, reply)) in judged.into_iter().zip(sends) {
                    let answer = outcome.map(|Done { value, publication }| {
                        if let Some(publication) = publication {
                            self.publish_changes(Doubt::Room, publication);
                        }
                        value
                    });
                    let _ = reply.send(answer);
                }
            }
            Err(error) if attempts.is_suspect && sends.len() > 1 => {
                tracing::warn!(%error, messages = sends.len(), "judging the messages of a batch one by one");
                let started = Instant::now();
                for send in sends {
                    if started.elapsed() < ANSWER_TIMEOUT {
                        self.judge(vec![send], attempt.is_retry);
                    } else {
                        self.refuse(vec![send], WriteError::OutcomeUnknown);
                    }
                }
            }
            // Whether an earlier attempt stored them is unknown as well.
            Err(_) if was_retried => self.refuse(sends, WriteError::OutcomeUnknown),
            Err(error) => self.refuse(sends, error),
        }
    }

    /// Answers all of them with the same error.
    fn refuse(&mut self, mut sends: Vec<Send>, error: WriteError) {
        tracing::warn!(%error, messages = sends.len(), "messages could not be stored");
        if matches!(error, WriteError::OutcomeUnknown) {
            for (new, _) in &sends {
                self.doubt(new.room_id, Doubt::Room);
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

fn rooms_of(sends: &[Send], doubt: Doubt) -> Vec<(RoomId, Doubt)> {
    sends.iter().map(|(new, _)| (new.room_id, doubt)).collect()
}

/// Sends messages in one transaction. Rooms are locked in the order of their ids, as they are everywhere. A refusal
/// concerns its message alone.
fn judge_all(
    conn: &mut Conn,
    sends: &[Send],
    attempt: Attempt,
) -> Result<Vec<WriteResult<Done<Sent>>>, DbError> {
    let mut order: Vec<usize> = (0..sends.len()).collect();
    order.sort_by_key(|place| sends[*place].0.room_id);
    db::transaction(conn, |conn| {
        let mut judged: Vec<Option<WriteResult<Done<Sent>>>> = sends.iter().map(|_| None).collect();
        for place in order {
            let (new, _) = &sends[place];
            // A savepoint: what a refused message changed, such as joining, is undone.
            judged[place] = Some(match db::transaction(conn, |conn| send(conn, new, attempt)) {
                Ok(done) => Ok(done),
                Err(RoomError::Refused(refusal)) => Err(WriteError::Refused(refusal)),
                Err(RoomError::Db(error)) => return Err(error),
            });
        }
        Ok(judged.into_iter().flatten().collect())
    })
}
