//! All changes except new messages: each is one transaction.
//!
//! Each change takes its timestamp once, before the first attempt. By the timestamp, a later attempt recognises what an
//! earlier one stored.

use shared::ids::RoomId;

use super::change::{Doubt, WriteError, WriteResult};
use super::worker::{Attempts, Worker};
use crate::db::{self, Conn};
use crate::rooms::error::RoomResult;
use crate::rooms::{Attempt, Done};

impl Worker {
    /// Runs a transaction, which an error rolls back, and publishes what it changed.
    ///
    /// If the connection breaks, the room is in doubt: what a lost attempt stored is published before the next one.
    pub(super) fn transact<T>(
        &mut self,
        room_id: RoomId,
        doubt: Doubt,
        mut work: impl FnMut(&mut Conn, Attempt) -> RoomResult<Done<T>>,
    ) -> WriteResult<T> {
        let mut attempt = Attempt::first();
        let mut attempts = Attempts::new(vec![(room_id, doubt)]);
        let run = |conn: &mut Conn| {
            let this = attempt;
            attempt.is_retry = true;
            Ok(db::transaction(conn, |conn| work(conn, this))?)
        };
        match self.execute(&mut attempts, run) {
            Ok(Done { value, publication }) => {
                if let Some(publication) = publication {
                    self.publish_changes(doubt, publication);
                }
                Ok(value)
            }
            Err(error) => {
                if matches!(error, WriteError::OutcomeUnknown) {
                    self.doubt(room_id, doubt);
                }
                Err(error)
            }
        }
    }
}
