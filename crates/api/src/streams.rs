//! Streams: connections made of two halves. Commands come by requests, events leave by server-sent events or long-poll.
//!
//! A stream has an outbox like a socket, whose events are numbered and kept until the client has them. It outlives its
//! readers, which come and go; without one for [`READER_TIMEOUT`] it is gone.

pub mod task;

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::select;
use shared::events::{ClientCommand, CloseCode};
use shared::ids::StreamId;
use shared::streams::MAX_COMMANDS;
use tokio::sync::Notify;
use tokio::time::sleep_until;
use uuid::Uuid;

use crate::realtime::connection::{Connection, Identity, SessionKey};
use crate::realtime::outbox::ReaderId;
use crate::realtime::outbox::numbered::{Dropped, Numbered};
use crate::realtime::retransmission::Acknowledgement;

/// How long a stream stays without a reader.
pub const READER_TIMEOUT: Duration = Duration::from_secs(30);
/// How many commands may wait. A replay, which goes at the pace of the reader, holds up those after it.
const MAX_WAITING_COMMANDS: usize = 2 * MAX_COMMANDS;

/// The open streams, and those whose last events are still to be fetched.
#[derive(Clone, Default)]
pub struct Streams(Arc<Mutex<HashMap<StreamId, Arc<Stream>>>>);

/// A stream.
pub struct Stream {
    /// The id.
    pub id: StreamId,
    connection: Arc<Connection>,
    /// The commands that wait to be executed.
    commands: Mutex<VecDeque<ClientCommand>>,
    commands_added: Notify,
    reading: Mutex<Reading>,
    /// Notified when a reader comes or goes.
    readers_changed: Notify,
}

/// Who reads a stream.
struct Reading {
    /// The number of readers; more than one for a moment, when one takes the place of another.
    readers: usize,
    /// When the last reader left.
    left_at: Instant,
    /// Whether everything was read, or the client has closed the stream.
    is_over: bool,
}

/// Too many commands wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyCommands;

impl Streams {
    /// Adds a stream for a connection.
    fn add(&self, connection: Arc<Connection>) -> Arc<Stream> {
        connection.outbox.number_events();
        let stream = Arc::new(Stream {
            id: StreamId(Uuid::new_v4()),
            connection,
            commands: Mutex::default(),
            commands_added: Notify::new(),
            reading: Mutex::new(Reading { readers: 0, left_at: Instant::now(), is_over: false }),
            readers_changed: Notify::new(),
        });
        self.lock().insert(stream.id, stream.clone());
        stream
    }

    /// The stream with this id, if it belongs to this session, or to nobody in particular.
    pub fn get(&self, id: StreamId, identity: Option<&Identity>) -> Option<Arc<Stream>> {
        let stream = self.lock().get(&id).cloned()?;
        (stream.owner() == identity.map(|identity| identity.session)).then_some(stream)
    }

    /// The same to close it: a visitor who gives a name has a session from then on, and closes the stream that had none.
    pub fn get_to_close(&self, id: StreamId, identity: Option<&Identity>) -> Option<Arc<Stream>> {
        self.get(id, identity).or_else(|| self.get(id, None))
    }

    fn remove(&self, id: StreamId) {
        self.lock().remove(&id);
    }

    /// No code panics while it holds this lock, so a poisoned state is consistent.
    fn lock(&self) -> MutexGuard<'_, HashMap<StreamId, Arc<Stream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    /// Queues commands, all or none. They are executed in order.
    ///
    /// # Errors
    /// If too many wait already. Commands to a stream that is being closed are ignored, as on a socket.
    pub fn send(&self, commands: Vec<ClientCommand>) -> Result<(), TooManyCommands> {
        let mut waiting = self.waiting_commands();
        if waiting.len() + commands.len() > MAX_WAITING_COMMANDS {
            return Err(TooManyCommands);
        }
        waiting.extend(commands);
        drop(waiting);
        self.commands_added.notify_one();
        Ok(())
    }

    /// Waits for the next command.
    async fn next_command(&self) -> ClientCommand {
        loop {
            if let Some(command) = self.take_command() {
                return command;
            }
            self.commands_added.notified().await;
        }
    }

    fn take_command(&self) -> Option<ClientCommand> {
        let mut waiting = self.waiting_commands();
        let command = waiting.pop_front();
        if waiting.is_empty() {
            // An idle stream must be small.
            *waiting = VecDeque::new();
        }
        command
    }

    /// No code panics while it holds this lock, so a poisoned state is consistent.
    fn waiting_commands(&self) -> MutexGuard<'_, VecDeque<ClientCommand>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to read the events after `after`, or after those that were received. The former reader ends.
    ///
    /// # Errors
    /// If events after `after` are not kept any more.
    pub fn read(self: &Arc<Self>, after: Option<u64>, by: Acknowledgement) -> Result<StreamReader, Dropped> {
        let (reader, after) = self.connection.outbox.attach(after, by)?;
        self.change_reading(|reading| reading.readers += 1);
        Ok(StreamReader { stream: self.clone(), reader, after, by })
    }

    /// Whether it is being closed: its last events can still be read.
    pub fn is_gone(&self) -> bool {
        self.connection.outbox.is_closing()
    }

    /// Closes the stream for its client.
    pub fn close(&self, streams: &Streams) {
        self.connection.outbox.close(CloseCode::Normal);
        self.change_reading(|reading| reading.is_over = true);
        streams.remove(self.id);
    }

    fn owner(&self) -> Option<SessionKey> {
        self.connection.identity().map(|identity| identity.session)
    }

    /// Waits until the stream had no reader for a while, or everything was read after its end.
    async fn abandoned(&self) {
        loop {
            let until = {
                let reading = self.reading();
                if reading.is_over {
                    return;
                }
                (reading.readers == 0).then(|| reading.left_at + READER_TIMEOUT)
            };
            let changed = self.readers_changed.notified();
            match until {
                Some(until) if until <= Instant::now() => return,
                Some(until) => {
                    let _ = select(Box::pin(changed), Box::pin(sleep_until(until.into()))).await;
                }
                None => changed.await,
            }
        }
    }

    fn change_reading(&self, change: impl FnOnce(&mut Reading)) {
        change(&mut self.reading());
        self.readers_changed.notify_one();
    }

    /// No code panics while it holds this lock, so a poisoned state is consistent.
    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the readers that a stream has in turn.
pub struct StreamReader {
    stream: Arc<Stream>,
    reader: ReaderId,
    /// The last event that was read.
    after: u64,
    by: Acknowledgement,
}

impl StreamReader {
    /// The number of the last event that was read.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// The next events.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Numbered> {
        let outbox = &self.stream.connection.outbox;
        outbox.poll_numbered(context, self.reader, self.after, self.by).map(|next| {
            match &next {
                Numbered::Events(events) => {
                    self.after = events.last().map_or(self.after, |(number, _)| *number);
                }
                Numbered::End => self.stream.change_reading(|reading| reading.is_over = true),
                Numbered::Replaced => {}
            }
            next
        })
    }

    /// The same, as a future.
    pub async fn next(&mut self) -> Numbered {
        poll_fn(|context| self.poll_next(context)).await
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        self.stream.change_reading(|reading| {
            reading.readers -= 1;
            reading.left_at = Instant::now();
        });
    }
}
