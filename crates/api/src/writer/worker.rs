//! The thread of a writer: takes changes from its queue, and repeats statements until the outcome is known.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use shared::ids::{Rev, RoomId};
use shared::messages::MessageAnswer;
use tokio::sync::mpsc;

use super::change::{Doubt, Reply, WriteError, WriteResult};
use crate::db::messages::NewMessage;
use crate::db::reactions::NewReaction;
use crate::db::{self, Conn, DbError, DbResult};
use crate::realtime::hub::Hub;
use crate::realtime::publication::Publication;
use crate::rooms::messages::Sent;

/// The maximal number of changes in one commit.
const MAX_BATCH: usize = 1_000;
/// How long a change waits for an unavailable database.
const RETRY_TIME: Duration = Duration::from_secs(3);
/// The pause between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// If a change loses this many connections, it is probably the cause.
const MAX_LOSSES: u32 = 3;

/// The time since when a writer waits for the database; `None` while it does not.
pub(super) type BusySince = Arc<Mutex<Option<Instant>>>;

/// A change on its way to its writer.
pub(super) enum Change {
    /// A new message. Consecutive ones share a commit.
    Message(NewMessage, Reply<Sent>),
    /// A reaction, or its end. Those of a batch share a commit, which follows that of its messages.
    Reaction(NewReaction, Reply<MessageAnswer>),
    /// Any other change: a transaction, which is published and answered by the closure.
    Transaction(RoomId, Doubt, Box<dyn FnOnce(&mut Worker) + Send>),
    /// Another process changed the room: publish what is not published.
    CatchUp(RoomId),
}

impl Change {
    /// The room that it changes, and the doubt that an unknown outcome causes.
    pub(super) fn doubt(&self) -> (RoomId, Doubt) {
        match self {
            // It may join the room.
            Self::Message(new, _) => (new.room_id, Doubt::Room),
            Self::Reaction(new, _) => (new.room_id, Doubt::Room),
            Self::Transaction(room_id, doubt, _) => (*room_id, *doubt),
            Self::CatchUp(room_id) => (*room_id, Doubt::Room),
        }
    }
}

/// A writer.
pub(super) struct Worker {
    pub(super) hub: Arc<Hub>,
    pub(super) conn: Option<Conn>,
    /// Rooms in which a stored change may be unpublished.
    pub(super) doubtful: HashMap<RoomId, Doubt>,
    /// When to recover them; `None` is immediately.
    pub(super) catch_up_at: Option<Instant>,
    database_url: String,
    has_given_up: bool,
    busy_since: BusySince,
}

/// The attempts to make one change: their deadline and their failures.
#[derive(Debug)]
pub(super) struct Attempts {
    deadline: Instant,
    losses: u32,
    /// The rooms in which an attempt whose connection broke may have stored a change.
    rooms: Vec<(RoomId, Doubt)>,
    /// An earlier attempt may be stored, because its connection broke.
    pub(super) is_retry: bool,
    /// The change itself, not the state of the database, seems to be the cause of the failure.
    pub(super) is_suspect: bool,
}

impl Attempts {
    /// No attempt was made yet.
    pub(super) fn new(rooms: Vec<(RoomId, Doubt)>) -> Self {
        let deadline = Instant::now() + RETRY_TIME;
        Self { deadline, losses: 0, rooms, is_retry: false, is_suspect: false }
    }

    /// The attempts to make a part of a batch, after attempts to make the whole.
    pub(super) fn of_part(whole: &Self, rooms: Vec<(RoomId, Doubt)>) -> Self {
        Self { is_retry: whole.is_retry, ..Self::new(rooms) }
    }
}

impl Worker {
    pub(super) fn new(database_url: &str, hub: Arc<Hub>, busy_since: BusySince) -> Self {
        Self {
            hub,
            conn: None,
            doubtful: HashMap::new(),
            catch_up_at: None,
            database_url: database_url.to_owned(),
            has_given_up: false,
            busy_since,
        }
    }

    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Change>) {
        // Connect now, so that the first change does not wait for it.
        let _ = self.connect(Instant::now());
        while let Some(first) = self.next(&mut queue) {
            let mut batch = vec![first];
            while batch.len() < MAX_BATCH
                && let Ok(change) = queue.try_recv()
            {
                batch.push(change);
            }
            self.process_safely(batch);
        }
    }

    /// Waits for the next change. Meanwhile, rooms in doubt are recovered as soon as the database is back.
    fn next(&mut self, queue: &mut mpsc::Receiver<Change>) -> Option<Change> {
        while !self.doubtful.is_empty() {
            match queue.try_recv() {
                Ok(change) => return Some(change),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => std::thread::sleep(RECONNECT_PAUSE),
            }
            self.set_busy(Some(Instant::now()));
            let _ = self.connect(Instant::now());
            self.set_busy(None);
        }
        queue.blocking_recv()
    }

    /// Processes a batch. A panic only leaves the changes of this batch unanswered; the writer continues.
    fn process_safely(&mut self, batch: Vec<Change>) {
        let rooms: Vec<(RoomId, Doubt)> = batch.iter().map(Change::doubt).collect();
        if catch_unwind(AssertUnwindSafe(|| self.process(batch))).is_err() {
            tracing::error!("a writer panicked");
            self.conn = None;
            self.set_busy(None);
            for (room_id, doubt) in rooms {
                self.doubt(room_id, doubt);
            }
        }
    }

    /// Processes changes in their order. Consecutive new messages go into one commit.
    fn process(&mut self, batch: Vec<Change>) {
        let (mut sends, mut reactions) = (Vec::new(), Vec::new());
        for change in batch {
            match change {
                Change::Message(new, reply) => sends.push((new, reply)),
                Change::Reaction(new, reply) => reactions.push((new, reply)),
                Change::Transaction(_, _, run) => {
                    self.create_messages(std::mem::take(&mut sends));
                    self.react(std::mem::take(&mut reactions));
                    run(self);
                }
                Change::CatchUp(room_id) => {
                    self.create_messages(std::mem::take(&mut sends));
                    self.react(std::mem::take(&mut reactions));
                    self.doubt(room_id, Doubt::Room);
                    let _ = self.connect(Instant::now());
                }
            }
        }
        self.create_messages(sends);
        self.react(reactions);
    }

    fn set_busy(&self, since: Option<Instant>) {
        // No code panics while it holds this lock, so a poisoned state is consistent.
        *self.busy_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Runs `query`. If the connection breaks, it is repeated over a new connection, within bounds.
    ///
    /// # Errors
    /// What `query` returns; [`WriteError::OutcomeUnknown`] if an attempt may be stored and no later one could tell.
    pub(super) fn execute<T>(
        &mut self,
        attempts: &mut Attempts,
        mut query: impl FnMut(&mut Conn) -> WriteResult<T>,
    ) -> WriteResult<T> {
        self.set_busy(Some(Instant::now()));
        let answer = self.execute_until_known(attempts, &mut query);
        self.set_busy(None);
        answer
    }

    fn execute_until_known<T>(
        &mut self,
        attempts: &mut Attempts,
        query: &mut impl FnMut(&mut Conn) -> WriteResult<T>,
    ) -> WriteResult<T> {
        let undecided = loop {
            let conn = match self.connect(attempts.deadline) {
                Ok(conn) => conn,
                Err(error) => break error,
            };
            match query(conn) {
                Err(WriteError::Db(DbError::ConnectionLost(reason))) => {
                    tracing::warn!(reason, "the writer lost its connection");
                    self.conn = None;
                    for (room_id, doubt) in &attempts.rooms {
                        self.doubt(*room_id, *doubt);
                    }
                    attempts.is_retry = true;
                    attempts.losses += 1;
                    if attempts.losses == MAX_LOSSES {
                        attempts.is_suspect = true;
                        break DbError::ConnectionLost(reason);
                    }
                    // The first repeat is immediate, even after the deadline: usually it succeeds.
                    if attempts.losses > 1 {
                        if Instant::now() >= attempts.deadline {
                            break DbError::ConnectionLost(reason);
                        }
                        std::thread::sleep(RECONNECT_PAUSE);
                    }
                }
                Err(WriteError::Db(error @ (DbError::Unavailable(_) | DbError::Other(_)))) => {
                    attempts.is_suspect = matches!(error, DbError::Other(_));
                    break error;
                }
                Err(WriteError::Db(error @ DbError::Conflict(_))) => {
                    attempts.is_suspect = true;
                    return Err(error.into());
                }
                decided => return decided,
            }
        };
        // The failure of the last attempt says nothing about earlier attempts.
        Err(if attempts.is_retry { WriteError::OutcomeUnknown } else { undecided.into() })
    }

    /// The connection, which is established if there is none. Waits for an unavailable database until `deadline`, but
    /// only once: while it stays unavailable, later changes do not wait.
    ///
    /// Rooms in doubt are recovered before the connection is used for a new change. So events keep the order of `rev`,
    /// even if the queue never empties.
    fn connect(&mut self, deadline: Instant) -> DbResult<&mut Conn> {
        let deadline = if self.has_given_up { Instant::now() } else { deadline };
        loop {
            match self.try_connect() {
                Ok(()) => break,
                Err(error) if Instant::now() >= deadline => {
                    self.has_given_up = true;
                    return Err(error);
                }
                Err(_) => std::thread::sleep(RECONNECT_PAUSE),
            }
        }
        self.has_given_up = false;
        self.conn.as_mut().ok_or_else(|| DbError::Unavailable("no connection".to_owned()))
    }

    fn try_connect(&mut self) -> DbResult<()> {
        if self.conn.is_none() {
            self.conn = Some(db::connect(&self.database_url)?);
        }
        self.catch_up()
    }

    /// Marks a room: a stored change may be unpublished.
    pub(super) fn doubt(&mut self, room_id: RoomId, doubt: Doubt) {
        let known = self.doubtful.entry(room_id).or_insert(doubt);
        *known = doubt.max(*known);
        self.catch_up_at = None;
    }

    /// Publishes changes that begin with `first`. If an earlier change of the room may be unpublished, all are left to
    /// [`Self::catch_up`], because followers ignore events out of order.
    pub(super) fn publish(&mut self, room_id: RoomId, kind: Doubt, first: Rev, publish: impl FnOnce(&Hub)) {
        if !self.hub.has_all_before(room_id, first) {
            // Another process on the database changed the room.
            self.doubt(room_id, kind);
        }
        match self.doubtful.get_mut(&room_id) {
            Some(doubt) => *doubt = kind.max(*doubt),
            None => publish(&self.hub),
        }
    }

    /// Publishes what a transaction changed.
    pub(super) fn publish_changes(&mut self, kind: Doubt, publication: Publication) {
        let room_id = publication.room.id;
        let first = publication.changes.first().map_or(publication.room.rev.next(), |(rev, _)| *rev);
        self.publish(room_id, kind, first, |hub| hub.publish_changes(publication));
    }
}
