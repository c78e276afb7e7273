//! Reactions, many in one commit.

use shared::messages::MessageAnswer;

use super::change::{Doubt, Reply, WriteError};
use super::worker::{Attempts, Worker};
use crate::db::DbError;
use crate::db::reactions::NewReaction;
use crate::rooms::Attempt;
use crate::rooms::reactions::{DoneTogether, set_together};

/// How many reactions are stored at once: with each of them, its message is read.
const MAX_TOGETHER: usize = 100;

type Reaction = (NewReaction, Reply<MessageAnswer>);

impl Worker {
    /// Stores reactions. Those that need a second look are judged singly.
    pub(super) fn react(&mut self, mut reactions: Vec<Reaction>) {
        while !reactions.is_empty() {
            let rest = reactions.split_off(reactions.len().min(MAX_TOGETHER));
            self.react_together(std::mem::replace(&mut reactions, rest));
        }
    }

    fn react_together(&mut self, reactions: Vec<Reaction>) {
        let batch: Vec<&NewReaction> = reactions.iter().map(|(new, _)| new).collect();
        let rooms = batch.iter().map(|new| (new.room_id, Doubt::Message)).collect();
        let mut attempts = Attempts::new(rooms);
        let mut attempt = Attempt::first();
        let outcome = self.execute(&mut attempts, |conn| {
            if attempt.is_retry {
                // What an attempt stored whose connection broke is a repeat, which is judged singly.
                let answers = batch.iter().map(|_| None).collect();
                return Ok(DoneTogether { answers, publications: Vec::new() });
            }
            attempt.is_retry = true;
            Ok(set_together(conn, &batch, attempt)?)
        });
        let answers = match outcome {
            Ok(DoneTogether { answers, publications }) => {
                for publication in publications {
                    self.publish_changes(Doubt::Message, publication);
                }
                answers
            }
            // Another process stored the same reaction at the same time, or one of them seems to be the cause.
            Err(WriteError::Db(DbError::Conflict(_))) => reactions.iter().map(|_| None).collect(),
            Err(_) if attempts.is_suspect => reactions.iter().map(|_| None).collect(),
            Err(error) => return self.refuse(reactions, error),
        };
        let mut skipped = Vec::new();
        for (answer, (new, reply)) in answers.into_iter().zip(reactions) {
            match answer {
                // The client may be gone; its reaction remains stored.
                Some(answer) => drop(reply.send(Ok(answer))),
                None => skipped.push((new, reply)),
            }
        }
        self.judge(skipped, attempts.is_retry);
    }
}
