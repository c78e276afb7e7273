//! The one door through which rooms change: sends, edits, deletions, renames.
//!
//! Each writer is a thread with a connection of its own; a room always has the same writer. So a room's changes are
//! stored, acknowledged and published in one order, that of `rev`. Everything that queued while the last commit ran
//! goes into the next one (natural batching: no timer, so a lone message waits for nobody).
//!
//! A change is acknowledged and published after its commit returned, and not before. When the connection breaks in
//! the middle, the writer connects again and does the change again: message ids, texts and names make that harmless,
//! and the second answer tells what became of the first. If the database stays away, the answer is `OutcomeUnknown`.

mod apply;
mod catch_up;
mod create;

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use shared::ids::{MessageId, RoomId, UserId};
use shared::messages::{Message, MessageText};
use shared::rooms::{Room, RoomName};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::db::messages::{NewMessage, Stored};
use crate::db::{self, Conn, DbError, DbResult};
use crate::realtime::hub::Hub;

/// How many changes may wait for one writer. Beyond it a client is told to come back.
const QUEUE_LENGTH: usize = 4_096;
/// How many changes one commit takes at most.
const MAX_BATCH: usize = 1_000;
/// How long a change waits for a database that went away.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a sender waits for the answer, whatever happens.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// A writer that is at one commit for this long has a database that hangs: nothing new is taken on. A statement takes
/// less, or is cancelled.
const STUCK_AFTER: Duration = Duration::from_secs(6);
/// How soon the writer knocks again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);

/// Why a change was not made.
#[derive(Debug, Error)]
pub enum WriteError {
    /// There is no such room.
    #[error("no such room")]
    NoRoom,
    /// There is no such message in the room.
    #[error("no such message")]
    NoMessage,
    /// The message is a tombstone.
    #[error("the message is deleted")]
    MessageDeleted,
    /// It is somebody else's message.
    #[error("not the author")]
    NotAuthor,
    /// It is somebody else's room.
    #[error("not the room's owner")]
    NotRoomOwner,
    /// Too much waits already; nothing was done.
    #[error("the queue is full")]
    QueueFull,
    /// The connection broke and the database stayed away: done or not, nobody knows.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
    /// What the database says.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What a change gives.
pub type WriteResult<T> = Result<T, WriteError>;

type Reply<T> = oneshot::Sender<WriteResult<T>>;

/// A change on its way to its writer.
enum Change {
    CreateMessage(NewMessage, Reply<Stored>),
    UpdateMessage {
        room_id: RoomId,
        id: MessageId,
        by: UserId,
        text: Option<MessageText>,
        reply: Reply<Message>,
    },
    DeleteMessage {
        room_id: RoomId,
        id: MessageId,
        by: UserId,
        reply: Reply<()>,
    },
    UpdateRoom {
        id: RoomId,
        by: UserId,
        name: Option<RoomName>,
        reply: Reply<Room>,
    },
    DeleteRoom {
        id: RoomId,
        by: UserId,
        reply: Reply<()>,
    },
}

/// A handle on the writers. Dropping the last one ends them, after what is queued.
pub struct Writer {
    queues: Vec<Queue>,
    threads: Vec<JoinHandle<()>>,
}

/// One writer's queue.
struct Queue {
    changes: mpsc::Sender<Change>,
    /// Since when the writer waits for the database.
    busy_since: BusySince,
}

type BusySince = Arc<Mutex<Option<Instant>>>;

impl Writer {
    /// Starts `count` writers.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(database_url: &str, hub: &Arc<Hub>, count: usize) -> std::io::Result<Self> {
        let mut writer = Self { queues: Vec::new(), threads: Vec::new() };
        for number in 0..count.max(1) {
            let (changes, queue) = mpsc::channel(QUEUE_LENGTH);
            let busy_since = BusySince::default();
            let worker = Worker {
                doubtful: HashSet::new(),
                database_url: database_url.to_owned(),
                conn: None,
                has_given_up: false,
                busy_since: busy_since.clone(),
                hub: hub.clone(),
            };
            let thread = std::thread::Builder::new()
                .name(format!("writer-{number}"))
                .spawn(move || worker.run(queue))?;
            writer.queues.push(Queue { changes, busy_since });
            writer.threads.push(thread);
        }
        Ok(writer)
    }

    /// Does what is queued and ends.
    pub fn stop(self) {
        drop(self.queues);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a writer panicked");
            }
        }
    }

    /// Stores a message.
    ///
    /// # Errors
    /// When it is not stored, or nobody knows; [`Stored`] has the refusals that the message itself earned.
    pub async fn create_message(&self, new: NewMessage) -> WriteResult<Stored> {
        self.submit(new.room_id, |reply| Change::CreateMessage(new, reply)).await
    }

    /// Gives a message another text; without one, or with the same, it stays as it is.
    ///
    /// # Errors
    /// When it is not there, deleted or somebody else's.
    pub async fn update_message(
        &self,
        room_id: RoomId,
        id: MessageId,
        by: UserId,
        text: Option<MessageText>,
    ) -> WriteResult<Message> {
        self.submit(room_id, |reply| Change::UpdateMessage { room_id, id, by, text, reply }).await
    }

    /// Deletes a message; one that is deleted stays as it is.
    ///
    /// # Errors
    /// When it is not there or neither the message nor the room is one's own.
    pub async fn delete_message(&self, room_id: RoomId, id: MessageId, by: UserId) -> WriteResult<()> {
        self.submit(room_id, |reply| Change::DeleteMessage { room_id, id, by, reply }).await
    }

    /// Renames a room; without a name, or with the same, it stays as it is.
    ///
    /// # Errors
    /// When it is not there, somebody else's, or the name is taken.
    pub async fn update_room(&self, id: RoomId, by: UserId, name: Option<RoomName>) -> WriteResult<Room> {
        self.submit(id, |reply| Change::UpdateRoom { id, by, name, reply }).await
    }

    /// Deletes a room with its messages.
    ///
    /// # Errors
    /// When it is not there or somebody else's.
    pub async fn delete_room(&self, id: RoomId, by: UserId) -> WriteResult<()> {
        self.submit(id, |reply| Change::DeleteRoom { id, by, reply }).await
    }

    async fn submit<T>(&self, room_id: RoomId, change: impl FnOnce(Reply<T>) -> Change) -> WriteResult<T> {
        let (reply, answer) = oneshot::channel();
        let queue = &self.queues[writer_of(room_id, self.queues.len())];
        let busy_since = *queue.busy_since.lock().unwrap_or_else(PoisonError::into_inner);
        if busy_since.is_some_and(|since| since.elapsed() > STUCK_AFTER) {
            return Err(DbError::Unavailable("the writer's database hangs".to_owned()).into());
        }
        queue.changes.try_send(change(reply)).map_err(|_| WriteError::QueueFull)?;
        match tokio::time::timeout(ANSWER_TIME, answer).await {
            Ok(Ok(answer)) => answer,
            // The database hangs, or the writer is gone: the change may be made yet.
            Ok(Err(_)) | Err(_) => Err(WriteError::OutcomeUnknown),
        }
    }
}

/// A room always has the same writer.
fn writer_of(room_id: RoomId, writers: usize) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(room_id);
    (hash % writers as u64) as usize
}

/// One writer's side of the queue.
struct Worker {
    /// Rooms in which a change may be stored that was never published.
    doubtful: HashSet<RoomId>,
    database_url: String,
    conn: Option<Conn>,
    has_given_up: bool,
    busy_since: BusySince,
    hub: Arc<Hub>,
}

/// What the database answered, and whether it had to be asked twice.
struct Done<T> {
    value: T,
    /// The change was done a second time: what it finds done may be its own doing, and not published yet.
    is_retry: bool,
}

impl Worker {
    fn run(mut self, mut queue: mpsc::Receiver<Change>) {
        // Connect before the first message comes, so that it does not wait for it.
        let _ = self.connect(Instant::now());
        while let Some(first) = self.next(&mut queue) {
            let mut batch = vec![first];
            while batch.len() < MAX_BATCH
                && let Ok(change) = queue.try_recv()
            {
                batch.push(change);
            }
            self.work_off(batch);
        }
    }

    /// The next change; meanwhile, what is in doubt is looked into as soon as the database is back.
    fn next(&mut self, queue: &mut mpsc::Receiver<Change>) -> Option<Change> {
        while !self.doubtful.is_empty() {
            match queue.try_recv() {
                Ok(change) => return Some(change),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => std::thread::sleep(RECONNECT_PAUSE),
            }
            self.catch_up();
        }
        queue.blocking_recv()
    }

    fn set_busy(&self, since: Option<Instant>) {
        // No panic happens under this lock, so a poisoned one is as good as any.
        *self.busy_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Sends that stand together go into one commit; everything keeps the order in which it came.
    fn work_off(&mut self, batch: Vec<Change>) {
        let mut sends = Vec::new();
        for change in batch {
            if let Change::CreateMessage(new, reply) = change {
                sends.push((new, reply));
                continue;
            }
            self.create_messages(std::mem::take(&mut sends));
            self.apply(change);
        }
        self.create_messages(sends);
    }

    /// Asks the database about `rooms`, and once more on a new connection when the first one breaks.
    fn ask<T>(
        &mut self,
        rooms: impl IntoIterator<Item = RoomId>,
        question: impl FnMut(&mut Conn) -> DbResult<T>,
    ) -> WriteResult<Done<T>> {
        self.set_busy(Some(Instant::now()));
        let answer = self.ask_twice(rooms, question);
        self.set_busy(None);
        answer
    }

    fn ask_twice<T>(
        &mut self,
        rooms: impl IntoIterator<Item = RoomId>,
        mut question: impl FnMut(&mut Conn) -> DbResult<T>,
    ) -> WriteResult<Done<T>> {
        let deadline = Instant::now() + PATIENCE;
        let mut is_retry = false;
        loop {
            let conn = match self.connect(deadline) {
                Ok(conn) => conn,
                Err(_) if is_retry => {
                    self.doubtful.extend(rooms);
                    return Err(WriteError::OutcomeUnknown);
                }
                Err(error) => return Err(error.into()),
            };
            match question(conn) {
                Err(DbError::ConnectionLost(reason)) => {
                    tracing::warn!(reason, "the writer lost its connection");
                    self.conn = None;
                    is_retry = true;
                }
                Err(error) => return Err(error.into()),
                Ok(value) => return Ok(Done { value, is_retry }),
            }
        }
    }

    /// The connection, made anew if there is none. Waits until `deadline` for a database that is away, but only once:
    /// while it stays away, nobody waits for it again.
    fn connect(&mut self, deadline: Instant) -> DbResult<&mut Conn> {
        let deadline = if self.has_given_up { Instant::now() } else { deadline };
        if self.conn.is_none() {
            loop {
                match db::connect(&self.database_url) {
                    Ok(conn) => {
                        self.has_given_up = false;
                        self.conn = Some(conn);
                        break;
                    }
                    Err(error) if Instant::now() >= deadline => {
                        self.has_given_up = true;
                        return Err(error);
                    }
                    Err(_) => std::thread::sleep(RECONNECT_PAUSE),
                }
            }
        }
        self.conn.as_mut().ok_or_else(|| DbError::Unavailable("no connection".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use shared::errors::ErrorCode;
    use uuid::Uuid;

    use super::*;
    use crate::error::AppError;

    #[tokio::test]
    async fn a_full_queue_refuses_what_comes_and_keeps_what_it_has() {
        let (changes, mut queue) = mpsc::channel(QUEUE_LENGTH);
        let busy_since = BusySince::default();
        let writer = Writer { queues: vec![Queue { changes, busy_since }], threads: Vec::new() };
        let by = UserId(Uuid::nil());
        let delete = |id: usize| Box::pin(writer.delete_room(RoomId(Uuid::from_u128(id as u128)), by));

        let mut waiting: Vec<_> = (0..QUEUE_LENGTH).map(delete).collect();
        assert!(waiting.iter_mut().all(|change| change.now_or_never().is_none()));
        let refused = delete(QUEUE_LENGTH).now_or_never();
        let Some(Err(error @ WriteError::QueueFull)) = refused else { panic!("{refused:?}") };
        let answer = AppError::from(error);
        assert_eq!((answer.code, answer.retry_after), (ErrorCode::Overloaded, Some(1)));

        for number in 0..QUEUE_LENGTH {
            let Ok(Change::DeleteRoom { id, .. }) = queue.try_recv() else { panic!("{number} is lost") };
            assert_eq!(id.0.as_u128(), number as u128, "in the order in which they came");
        }
        assert!(queue.try_recv().is_err());
    }
}
