//! A writer's thread: takes changes from the queue, and asks the database until it knows the outcome.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use shared::ids::RoomId;
use tokio::sync::mpsc;

use super::change::{Change, Doubt, WriteError, WriteResult};
use crate::db::{self, Conn, DbError, DbResult};
use crate::realtime::hub::Hub;

/// How many changes one commit takes at most.
const MAX_BATCH: usize = 1_000;
/// How long a change waits for a database that went away.
const PATIENCE: Duration = Duration::from_secs(3);
/// How soon the writer tries to connect again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(50);
/// A change whose connection broke so often is itself the likely cause.
const MAX_LOSSES: u32 = 3;

/// The time since when a writer waits for the database; `None` while it does not.
pub(super) type BusySince = Arc<Mutex<Option<Instant>>>;

/// One writer's side of the queue.
pub(super) struct Worker {
    pub(super) hub: Arc<Hub>,
    pub(super) conn: Option<Conn>,
    /// Rooms in which a change may be stored that was never published.
    pub(super) doubtful: HashMap<RoomId, Doubt>,
    /// When to look into them; `None` is at once.
    pub(super) catch_up_at: Option<Instant>,
    database_url: String,
    has_given_up: bool,
    busy_since: BusySince,
}

/// How one change is getting on: how long it may take, and what happened so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempts {
    deadline: Instant,
    losses: u32,
    /// An earlier attempt may be stored, since its connection broke.
    pub(super) is_retry: bool,
    /// The change itself seems to be the cause of the failure, not the state of the database.
    pub(super) is_suspect: bool,
}

impl Attempts {
    /// Nothing was attempted yet.
    pub(super) fn new() -> Self {
        Self { deadline: Instant::now() + PATIENCE, losses: 0, is_retry: false, is_suspect: false }
    }

    /// The attempts at a part of a change, after those at the whole.
    pub(super) fn of_part(whole: Self) -> Self {
        Self { is_retry: whole.is_retry, ..Self::new() }
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
        // Connect before the first message comes, so that it does not wait for it.
        let _ = self.connect(Instant::now());
        while let Some(first) = self.next(&mut queue) {
            let mut batch = vec![first];
            while batch.len() < MAX_BATCH
                && let Ok(change) = queue.try_recv()
            {
                batch.push(change);
            }
            self.work_off_safely(batch);
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
            self.set_busy(Some(Instant::now()));
            let _ = self.connect(Instant::now());
            self.set_busy(None);
        }
        queue.blocking_recv()
    }

    /// A panic costs the changes of one batch their answers, not all rooms of this writer their future.
    fn work_off_safely(&mut self, batch: Vec<Change>) {
        let rooms: Vec<(RoomId, Doubt)> = batch.iter().map(Change::doubt).collect();
        if catch_unwind(AssertUnwindSafe(|| self.work_off(batch))).is_err() {
            tracing::error!("a writer panicked");
            self.conn = None;
            self.set_busy(None);
            for (room_id, doubt) in rooms {
                self.doubt(room_id, doubt);
            }
        }
    }

    /// Consecutive sends go into one commit; everything keeps the order in which it came.
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

    fn set_busy(&self, since: Option<Instant>) {
        // No code panics under this lock, so a poisoned state is as good as any.
        *self.busy_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Asks the database, and asks again over a new connection when the connection breaks, within bounds.
    ///
    /// # Errors
    /// What `question` returns; [`WriteError::OutcomeUnknown`] when an attempt may be stored and no later one could
    /// tell.
    pub(super) fn ask<T>(
        &mut self,
        attempts: &mut Attempts,
        mut question: impl FnMut(&mut Conn) -> WriteResult<T>,
    ) -> WriteResult<T> {
        self.set_busy(Some(Instant::now()));
        let answer = self.ask_until_known(attempts, &mut question);
        self.set_busy(None);
        answer
    }

    fn ask_until_known<T>(
        &mut self,
        attempts: &mut Attempts,
        question: &mut impl FnMut(&mut Conn) -> WriteResult<T>,
    ) -> WriteResult<T> {
        let undecided = loop {
            let conn = match self.connect(attempts.deadline) {
                Ok(conn) => conn,
                Err(error) => break error,
            };
            match question(conn) {
                Err(WriteError::Db(DbError::ConnectionLost(reason))) => {
                    tracing::warn!(reason, "the writer lost its connection");
                    self.conn = None;
                    attempts.is_retry = true;
                    attempts.losses += 1;
                    if attempts.losses == MAX_LOSSES {
                        attempts.is_suspect = true;
                        break DbError::ConnectionLost(reason);
                    }
                    // Once at once, whatever the clock says: most often that settles it.
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
        // Why the last attempt failed says nothing about an earlier one.
        Err(if attempts.is_retry { WriteError::OutcomeUnknown } else { undecided.into() })
    }

    /// The connection, made anew if there is none. Waits until `deadline` for a database that is away, but only once:
    /// while it stays away, no other change waits for it.
    ///
    /// Before the connection is used for something new, what is in doubt is looked into over it: so events keep the
    /// order of `rev`, however busy the writer is.
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

    /// A change may be stored in this room that nobody heard of.
    pub(super) fn doubt(&mut self, room_id: RoomId, doubt: Doubt) {
        let known = self.doubtful.entry(room_id).or_insert(doubt);
        *known = doubt.max(*known);
        self.catch_up_at = None;
    }

    /// Publishes a change, unless an earlier one of the room may be unpublished: then both are left to
    /// [`Self::catch_up`], since followers take nothing that comes out of order.
    pub(super) fn publish(&mut self, room_id: RoomId, kind: Doubt, publish: impl FnOnce(&Hub)) {
        match self.doubtful.get_mut(&room_id) {
            Some(doubt) => *doubt = kind.max(*doubt),
            None => publish(&self.hub),
        }
    }
}
