//! Changes that are judged one by one, under the lock of their room, and share a commit.

use std::time::Instant;

use shared::ids::RoomId;
use shared::messages::MessageAnswer;

use super::ANSWER_TIMEOUT;
use super::change::{Doubt, Reply, WriteError, WriteResult};
use super::worker::{Attempts, Worker};
use crate::db::messages::NewMessage;
use crate::db::reactions::NewReaction;
use crate::db::{self, Conn, DbError};
use crate::rooms::error::{RoomError, RoomResult};
use crate::rooms::messages::{Sent, send};
use crate::rooms::reactions;
use crate::rooms::{Attempt, Done};

/// How many changes are judged in one transaction: each takes several statements.
const MAX_JUDGED: usize = 100;

/// A change of which many come at once.
pub(super) trait Judged {
    /// The answer.
    type Answer;

    /// The room that it changes.
    fn room_id(&self) -> RoomId;

    /// Makes the change.
    fn make(&self, conn: &mut Conn, attempt: Attempt) -> RoomResult<Done<Self::Answer>>;
}

impl Judged for NewMessage {
    type Answer = Sent;

    fn room_id(&self) -> RoomId {
        self.room_id
    }

    fn make(&self, conn: &mut Conn, attempt: Attempt) -> RoomResult<Done<Sent>> {
        send(conn, self, attempt)
    }
}

impl Judged for NewReaction {
    type Answer = MessageAnswer;

    fn room_id(&self) -> RoomId {
        self.room_id
    }

    fn make(&self, conn: &mut Conn, attempt: Attempt) -> RoomResult<Done<MessageAnswer>> {
        reactions::set(conn, self, attempt)
    }
}

impl Worker {
    /// Makes changes that need a second look, many in one commit.
    pub(super) fn judge<C: Judged>(&mut self, mut changes: Vec<(C, Reply<C::Answer>)>, was_retried: bool) {
        while !changes.is_empty() {
            let rest = changes.split_off(changes.len().min(MAX_JUDGED));
            self.judge_some(std::mem::replace(&mut changes, rest), was_retried);
        }
    }

    fn judge_some<C: Judged>(&mut self, changes: Vec<(C, Reply<C::Answer>)>, was_retried: bool) {
        let rooms = changes.iter().map(|(change, _)| (change.room_id(), Doubt::Room)).collect();
        let mut attempts = Attempts::new(rooms);
        let mut attempt = Attempt { is_retry: was_retried, ..Attempt::first() };
        let outcome = self.execute(&mut attempts, |conn| {
            let this = attempt;
            attempt.is_retry = true;
            Ok(judge_all(conn, &changes, this)?)
        });
        match outcome {
            Ok(judged) => {
                for (outcome, (_, reply)) in judged.into_iter().zip(changes) {
                    let answer = outcome.map(|Done { value, publication }| {
                        if let Some(publication) = publication {
                            self.publish_changes(Doubt::Room, publication);
                        }
                        value
                    });
                    let _ = reply.send(answer);
                }
            }
            Err(error) if attempts.is_suspect && changes.len() > 1 => {
                tracing::warn!(%error, changes = changes.len(), "judging the changes of a batch one by one");
                let started = Instant::now();
                for change in changes {
                    if started.elapsed() < ANSWER_TIMEOUT {
                        self.judge_some(vec![change], attempt.is_retry);
                    } else {
                        self.refuse(vec![change], WriteError::OutcomeUnknown);
                    }
                }
            }
            // Whether an earlier attempt stored them is unknown as well.
            Err(_) if was_retried => self.refuse(changes, WriteError::OutcomeUnknown),
            Err(error) => self.refuse(changes, error),
        }
    }

    /// Answers all of them with the same error.
    pub(super) fn refuse<C: Judged>(&mut self, mut changes: Vec<(C, Reply<C::Answer>)>, error: WriteError) {
        tracing::warn!(%error, changes = changes.len(), "changes could not be stored");
        if matches!(error, WriteError::OutcomeUnknown) {
            for (change, _) in &changes {
                self.doubt(change.room_id(), Doubt::Room);
            }
        }
        let last = changes.pop();
        for (_, reply) in changes {
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

/// Makes changes in one transaction. Rooms are locked in the order of their ids, as they are everywhere. A refusal
/// concerns its change alone.
fn judge_all<C: Judged>(
    conn: &mut Conn,
    changes: &[(C, Reply<C::Answer>)],
    attempt: Attempt,
) -> Result<Vec<WriteResult<Done<C::Answer>>>, DbError> {
    let mut order: Vec<usize> = (0..changes.len()).collect();
    order.sort_by_key(|place| changes[*place].0.room_id());
    // What a refused change did, such as joining, is undone: a lone one with its transaction, others by a savepoint.
    if let [(change, _)] = changes {
        return match db::transaction(conn, |conn| change.make(conn, attempt)) {
            Ok(done) => Ok(vec![Ok(done)]),
            Err(RoomError::Refused(refusal)) => Ok(vec![Err(WriteError::Refused(refusal))]),
            Err(RoomError::Db(error)) => Err(error),
        };
    }
    db::transaction(conn, |conn| {
        let mut judged: Vec<Option<WriteResult<Done<C::Answer>>>> = changes.iter().map(|_| None).collect();
        for place in order {
            let (change, _) = &changes[place];
            judged[place] = Some(match db::transaction(conn, |conn| change.make(conn, attempt)) {
                Ok(done) => Ok(done),
                Err(RoomError::Refused(refusal)) => Err(WriteError::Refused(refusal)),
                Err(RoomError::Db(error)) => return Err(error),
            });
        }
        Ok(judged.into_iter().flatten().collect())
    })
}
