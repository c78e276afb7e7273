//! The writers: the only way to change rooms and messages.
//!
//! Each writer is a thread with its own connection, and a room always has the same writer. So the changes of a room
//! are stored, published and acknowledged in one order, that of `rev`. Messages that arrive during a commit go into
//! the next one (natural batching: there is no timer, so a single message never waits).
//!
//! A change is published and acknowledged after its commit. If the connection breaks before the commit returns, the
//! writer reconnects and repeats the change. Ids and timestamps make the repeat harmless and show whether the first
//! attempt was stored. If the database stays unavailable, the answer is `OutcomeUnknown`; when it is back, the writer
//! finds and publishes what was stored.

mod apply;
mod catch_up;
mod change;
mod create;
mod judge;
mod react;
mod worker;

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, PoisonError, mpsc as std_mpsc};
use std::time::{Duration, Instant};

use shared::ids::{RoomId, UserId};
use shared::messages::MessageAnswer;
use tokio::sync::{mpsc, oneshot};

use self::change::{Doubt, Reply};
pub use self::change::{WriteError, WriteResult};
use self::worker::{BusySince, Change, Worker};
use crate::db::messages::NewMessage;
use crate::db::reactions::NewReaction;
use crate::db::rooms::{NewRoom, StoredRoom};
use crate::db::{Conn, DbError};
use crate::realtime::hub::Hub;
use crate::rooms::error::RoomResult;
use crate::rooms::messages::Sent;
use crate::rooms::{Attempt, Done, settings};

/// The maximal number of changes that wait for one writer. Beyond it, changes are refused.
const QUEUE_LENGTH: usize = 4_096;
/// How long a request waits for the outcome of a change.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A writer that waits for one answer longer than this has a database that hangs, and accepts no changes. It is longer
/// than the statement timeout.
const STUCK_AFTER: Duration = Duration::from_secs(6);

/// A handle to the writers. Dropping it stops them after their queued changes.
pub struct Writer {
    queues: Vec<Queue>,
    /// Disconnected when the last thread has ended. Only [`Writer::stop`] uses it; the lock makes it `Sync`.
    ended: Mutex<std_mpsc::Receiver<()>>,
}

/// One writer's queue.
struct Queue {
    changes: mpsc::Sender<Change>,
    /// The time since when the writer waits for the database.
    busy_since: BusySince,
}

impl Writer {
    /// Starts `count` writers.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub fn start(database_url: &str, hub: &Arc<Hub>, count: usize) -> std::io::Result<Self> {
        let (alive, ended) = std_mpsc::channel();
        let mut queues = Vec::new();
        for number in 0..count.max(1) {
            let (changes, queue) = mpsc::channel(QUEUE_LENGTH);
            let busy_since = BusySince::default();
            let worker = Worker::new(database_url, hub.clone(), busy_since.clone());
            let alive: std_mpsc::Sender<()> = alive.clone();
            std::thread::Builder::new().name(format!("writer-{number}")).spawn(move || {
                worker.run(queue);
                drop(alive);
            })?;
            queues.push(Queue { changes, busy_since });
        }
        Ok(Self { queues, ended: Mutex::new(ended) })
    }

    /// Stops the writers after their queued changes and waits until `deadline`. Returns whether they ended.
    pub fn stop(self, deadline: Instant) -> bool {
        drop(self.queues);
        let ended = self.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        let timeout = deadline.saturating_duration_since(Instant::now());
        ended.recv_timeout(timeout) == Err(std_mpsc::RecvTimeoutError::Disconnected)
    }

    /// Creates a room.
    ///
    /// # Errors
    /// The refusal; a conflict if another public room has the name. An id that is in use is [`StoredRoom::IdReused`].
    pub async fn create_room(&self, new: NewRoom, by: UserId) -> WriteResult<StoredRoom> {
        let id = new.id;
        let create = move |conn: &mut Conn, attempt| settings::create(conn, &new, by, attempt);
        self.transact(id, Doubt::Creation, create).await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If it was not stored, or the outcome is unknown.
    pub async fn create_message(&self, new: NewMessage) -> WriteResult<Sent> {
        self.submit(new.room_id, |reply| Change::Message(new, reply)).await
    }

    /// Reacts to a message, or takes a reaction back.
    ///
    /// # Errors
    /// The refusal, or that the outcome is unknown.
    pub async fn react(&self, new: NewReaction) -> WriteResult<MessageAnswer> {
        self.submit(new.room_id, |reply| Change::Reaction(new, reply)).await
    }

    /// Makes any other change to a room: `work` is the work of a transaction. It is run again if the connection breaks.
    ///
    /// # Errors
    /// What `work` returns, or that the outcome is unknown.
    pub async fn change<T: Send + 'static>(
        &self,
        room_id: RoomId,
        work: impl FnMut(&mut Conn, Attempt) -> RoomResult<Done<T>> + Send + 'static,
    ) -> WriteResult<T> {
        self.transact(room_id, Doubt::Room, work).await
    }

    /// Publishes what another process on the database changed in a room.
    ///
    /// # Errors
    /// If too many changes wait.
    pub fn catch_up(&self, room_id: RoomId) -> WriteResult<()> {
        let queue = &self.queues[writer_of(room_id, self.queues.len())];
        queue.changes.try_send(Change::CatchUp(room_id)).map_err(|_| WriteError::QueueFull)
    }

    async fn transact<T: Send + 'static>(
        &self,
        room_id: RoomId,
        doubt: Doubt,
        work: impl FnMut(&mut Conn, Attempt) -> RoomResult<Done<T>> + Send + 'static,
    ) -> WriteResult<T> {
        self.submit(room_id, |reply: Reply<T>| {
            let run = move |worker: &mut Worker| {
                let _ = reply.send(worker.transact(room_id, doubt, work));
            };
            Change::Transaction(room_id, doubt, Box::new(run))
        })
        .await
    }

    async fn submit<T>(&self, room_id: RoomId, change: impl FnOnce(Reply<T>) -> Change) -> WriteResult<T> {
        let (reply, answer) = oneshot::channel();
        let queue = &self.queues[writer_of(room_id, self.queues.len())];
        let busy_since = *queue.busy_since.lock().unwrap_or_else(PoisonError::into_inner);
        if busy_since.is_some_and(|since| since.elapsed() > STUCK_AFTER) {
            return Err(DbError::Unavailable("the writer's database hangs".to_owned()).into());
        }
        queue.changes.try_send(change(reply)).map_err(|_| WriteError::QueueFull)?;
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok(Ok(answer)) => answer,
            // The database hangs, or the writer failed: the change may still be made.
            Ok(Err(_)) | Err(_) => Err(WriteError::OutcomeUnknown),
        }
    }
}

/// The writer of a room, which is always the same.
fn writer_of(room_id: RoomId, writers: usize) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(room_id);
    (hash % writers as u64) as usize
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use shared::errors::ErrorCode;
    use uuid::Uuid;

    use super::*;
    use crate::error::AppError;

    #[tokio::test]
    async fn a_full_queue_refuses_new_changes_and_keeps_those_it_has() {
        let (changes, mut queue) = mpsc::channel(QUEUE_LENGTH);
        let busy_since = BusySince::default();
        let (_, ended) = std_mpsc::channel();
        let writer = Writer { queues: vec![Queue { changes, busy_since }], ended: Mutex::new(ended) };
        let delete = |id: usize| {
            let room_id = RoomId(Uuid::from_u128(id as u128));
            Box::pin(writer.change(room_id, |_, _| Ok(Done::unchanged(()))))
        };

        let mut waiting: Vec<_> = (0..QUEUE_LENGTH).map(delete).collect();
        assert!(waiting.iter_mut().all(|change| change.now_or_never().is_none()));
        let refused = delete(QUEUE_LENGTH).now_or_never();
        let Some(Err(error @ WriteError::QueueFull)) = refused else { panic!("{refused:?}") };
        let answer = AppError::from(error);
        assert_eq!((answer.code, answer.retry_after), (ErrorCode::Overloaded, Some(1)));

        for number in 0..QUEUE_LENGTH {
            let Ok(Change::Transaction(id, ..)) = queue.try_recv() else { panic!("{number} is lost") };
            assert_eq!(id.0.as_u128(), number as u128, "in the order in which they came");
        }
        assert!(queue.try_recv().is_err());
    }
}
