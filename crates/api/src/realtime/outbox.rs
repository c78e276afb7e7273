//! The frames that wait for one connection: a bounded queue, from which the response body takes frames.
//!
//! Publishing never waits for a slow reader. A connection whose queue is full is closed and resumes by `since`.

pub mod numbered;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use shared::events::CloseCode;
use shared::ids::RoomId;
use tokio::sync::Notify;

use super::frame::Frame;
use super::queue::{Chunk, Queue};
use super::retransmission::Retransmission;

/// The limit of waiting bytes, above which a connection is closed as too slow.
pub const MAX_QUEUED_BYTES: usize = 1024 * 1024;
/// A replay continues when fewer bytes than this are waiting.
const LOW_WATER_BYTES: usize = MAX_QUEUED_BYTES / 4;

/// The frames that wait for one connection.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    /// Wakes the connection's task: the outbox was closed, or has room for more of a replay.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    /// The size of frames that are held outside of the queue, until they may be queued.
    reserved_bytes: usize,
    phase: Phase,
    /// Set when the connection no longer waits for the client.
    finish: Option<Finish>,
    is_gone: bool,
    /// The waker of the response body, if it waits for a frame.
    reader: Option<Waker>,
    is_drain_awaited: bool,
    /// The events of a stream; `None` for a socket, which has no numbers.
    stream: Option<Box<Stream>>,
}

/// The part of an outbox that only streams have.
#[derive(Debug, Default)]
struct Stream {
    sent: Retransmission,
    /// The reader that receives events. A new one takes its place.
    reader: ReaderId,
}

/// Identifies one of the readers that a stream has in turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReaderId(u64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// The close frame follows the queued frames.
    Closing(CloseCode),
    /// The close frame was taken; the connection waits for that of the client.
    Closed,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Immediately: the client has closed or is gone.
    Drop,
    /// After a delay in which the close frame can arrive: the client has not answered it.
    Linger,
}

/// What the response body does next.
#[derive(Debug)]
pub enum Next {
    /// Send these frames together.
    Frames(Chunk),
    /// Send the close frame.
    Close(CloseCode),
    /// End the response.
    Finish(Finish),
}

impl Outbox {
    /// Appends a frame. A connection with too many waiting bytes is closed as a slow consumer.
    pub fn push(&self, frame: Frame) {
        if let Some(reader) = self.push_all([frame]) {
            reader.wake();
        }
    }

    /// Appends several frames at once. Returns the reader if it waits for a frame; the caller wakes it.
    #[must_use]
    pub(super) fn push_all(&self, frames: impl IntoIterator<Item = Frame>) -> Option<Waker> {
        let mut state = self.lock();
        if state.phase != Phase::Open {
            return None;
        }
        frames.into_iter().for_each(|frame| state.queue.push(frame));
        if state.is_full() {
            self.close_slow(state);
            return None;
        }
        if state.queue.is_empty() { None } else { state.reader.take() }
    }

    /// Drops the waiting frames that tell of a room, because the user may not see it any more.
    pub(super) fn forget_room(&self, room_id: RoomId) {
        let mut state = self.lock();
        state.queue.forget_room(room_id);
        if let Some(stream) = &mut state.stream {
            stream.sent.forget_room(room_id);
        }
    }

    /// Counts bytes that are held outside of the queue. Too many close the connection as a slow consumer.
    pub(super) fn reserve(&self, bytes: usize) {
        let mut state = self.lock();
        state.reserved_bytes += bytes;
        if state.phase == Phase::Open && state.is_full() {
            self.close_slow(state);
        }
    }

    /// Undoes [`Self::reserve`].
    pub(super) fn release(&self, bytes: usize) {
        let mut state = self.lock();
        state.reserved_bytes = state.reserved_bytes.saturating_sub(bytes);
    }

    /// The number of bytes that wait for the connection.
    pub(super) fn waiting_bytes(&self) -> usize {
        let state = self.lock();
        let sent = state.stream.as_ref().map_or(0, |stream| stream.sent.bytes());
        state.queue.bytes() + state.reserved_bytes + sent
    }

    /// Closes the connection after the queued frames. The code of the first call is sent. [`CloseCode::SlowConsumer`]
    /// drops the queue: the client receives these events again when it resumes.
    pub fn close(&self, code: CloseCode) {
        let mut state = self.lock();
        if state.phase != Phase::Open {
            return;
        }
        if code == CloseCode::SlowConsumer {
            return self.close_slow(state);
        }
        state.phase = Phase::Closing(code);
        wake_reader(state);
        self.changed.notify_one();
    }

    /// Answers a close frame of the client. The queue is dropped, because the client no longer reads.
    pub fn close_answered(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing(CloseCode::Normal);
        }
        state.queue.clear();
        wake_reader(state);
    }

    /// Ends the connection.
    pub fn finish(&self, finish: Finish) {
        let mut state = self.lock();
        if state.finish == Some(Finish::Drop) {
            return;
        }
        state.finish = Some(finish);
        if finish == Finish::Drop {
            state.phase = Phase::Closed;
            state.queue.clear();
        }
        wake_reader(state);
        self.changed.notify_one();
    }

    /// Whether the connection is being closed. Its commands are then ignored.
    pub fn is_closing(&self) -> bool {
        self.lock().phase != Phase::Open
    }

    /// Waits until the connection is being closed.
    pub async fn closing(&self) {
        while !self.is_closing() {
            self.changed.notified().await;
        }
    }

    /// Waits until the transport has taken the close frame.
    pub async fn closed(&self) {
        while matches!(self.lock().phase, Phase::Open | Phase::Closing(_)) {
            self.changed.notified().await;
        }
    }

    /// Waits until the transport is gone.
    pub async fn gone(&self) {
        while !self.lock().is_gone {
            self.changed.notified().await;
        }
    }

    /// Marks the transport as gone.
    pub fn transport_gone(&self) {
        self.finish(Finish::Drop);
        self.lock().is_gone = true;
        self.changed.notify_one();
    }

    /// Waits until there is room for more of a replay, or the connection is being closed.
    pub async fn drained(&self) {
        loop {
            {
                let mut state = self.lock();
                state.is_drain_awaited = state.queue.bytes() > LOW_WATER_BYTES && state.phase == Phase::Open;
                if !state.is_drain_awaited {
                    return;
                }
            }
            self.changed.notified().await;
        }
    }

    /// The next thing to send.
    pub fn poll_next(&self, context: &Context<'_>) -> Poll<Next> {
        let mut state = self.lock();
        if let Some(chunk) = state.queue.take_chunk() {
            if state.is_drain_awaited && state.queue.bytes() <= LOW_WATER_BYTES {
                state.is_drain_awaited = false;
                self.changed.notify_one();
            }
            return Poll::Ready(Next::Frames(chunk));
        }
        if let Phase::Closing(code) = state.phase {
            state.phase = Phase::Closed;
            self.changed.notify_one();
            return Poll::Ready(Next::Close(code));
        }
        if let Some(finish) = state.finish {
            return Poll::Ready(Next::Finish(finish));
        }
        if state.reader.as_ref().is_none_or(|reader| !reader.will_wake(context.waker())) {
            state.reader = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// The code that the connection is being closed with.
    pub fn close_code(&self) -> Option<CloseCode> {
        match self.lock().phase {
            Phase::Closing(code) => Some(code),
            Phase::Open | Phase::Closed => None,
        }
    }

    fn close_slow(&self, mut state: MutexGuard<'_, State>) {
        state.phase = Phase::Closing(CloseCode::SlowConsumer);
        state.queue.clear();
        if let Some(stream) = &mut state.stream {
            stream.sent.clear();
        }
        wake_reader(state);
        self.changed.notify_one();
    }

    /// No code panics while it holds this lock, so a poisoned state is consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_full(&self) -> bool {
        let sent = self.stream.as_ref().map_or(0, |stream| stream.sent.unacknowledged_bytes());
        self.queue.bytes() + self.reserved_bytes + sent > MAX_QUEUED_BYTES
    }
}

/// Wakes the response body after the lock is released.
fn wake_reader(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;

    use bytes::Bytes;
    use futures_util::FutureExt;

    use super::super::budget::Budget;
    use super::*;

    fn frame(length: usize) -> Frame {
        Frame::pong(&Arc::new(Budget::new(usize::MAX)), Bytes::from(vec![0; length]))
    }

    fn next(outbox: &Outbox) -> Option<Next> {
        poll_fn(|context| outbox.poll_next(context)).now_or_never()
    }

    fn length(outbox: &Outbox) -> usize {
        match next(outbox) {
            Some(Next::Frames(chunk)) => chunk.len(),
            other => panic!("expected frames, got {other:?}"),
        }
    }

    #[test]
    fn the_close_frame_follows_the_queued_frames() {
        let outbox = Outbox::default();
        assert!(next(&outbox).is_none());
        outbox.push(frame(1));
        outbox.push(frame(2));
        outbox.close(CloseCode::Restart);
        outbox.close(CloseCode::Internal);
        outbox.push(frame(3));
        assert_eq!(length(&outbox), 3 + 4);
        assert!(matches!(next(&outbox), Some(Next::Close(CloseCode::Restart))));
        assert!(next(&outbox).is_none(), "it waits for the client's answer");
        outbox.finish(Finish::Drop);
        assert!(matches!(next(&outbox), Some(Next::Finish(Finish::Drop))));
    }

    #[test]
    fn a_full_queue_is_dropped_and_the_connection_closed() {
        let outbox = Outbox::default();
        for _ in 0..20 {
            outbox.push(frame(60_000));
        }
        assert_eq!(outbox.waiting_bytes(), 0);
        assert!(matches!(next(&outbox), Some(Next::Close(CloseCode::SlowConsumer))));
    }

    #[test]
    fn small_frames_count_with_their_overhead() {
        let outbox = Outbox::default();
        for _ in 0..MAX_QUEUED_BYTES / super::super::queue::FRAME_OVERHEAD {
            outbox.push(frame(0));
        }
        assert!(outbox.is_closing());
    }

    #[test]
    fn reserved_bytes_count_like_queued_ones() {
        let outbox = Outbox::default();
        outbox.reserve(MAX_QUEUED_BYTES - 1_000);
        outbox.push(frame(100));
        assert!(!outbox.is_closing());
        outbox.release(MAX_QUEUED_BYTES - 1_000);
        outbox.reserve(MAX_QUEUED_BYTES);
        assert!(outbox.is_closing());
    }

    #[test]
    fn a_replay_continues_below_the_low_water_mark() {
        let outbox = Outbox::default();
        assert!(outbox.drained().now_or_never().is_some());
        for _ in 0..10 {
            outbox.push(frame(60_000));
        }
        let mut drained = Box::pin(outbox.drained());
        assert!((&mut drained).now_or_never().is_none());
        for _ in 0..5 {
            length(&outbox);
            assert!((&mut drained).now_or_never().is_none());
        }
        length(&outbox);
        assert!(drained.now_or_never().is_some());
    }

    #[test]
    fn a_closing_connection_ends_every_wait() {
        let outbox = Outbox::default();
        for _ in 0..10 {
            outbox.push(frame(60_000));
        }
        let mut drained = Box::pin(outbox.drained());
        assert!((&mut drained).now_or_never().is_none());
        outbox.close(CloseCode::SessionEnded);
        assert!(drained.now_or_never().is_some());
        assert!(outbox.closing().now_or_never().is_some());
        assert!(outbox.closed().now_or_never().is_none(), "frames come first");
    }
}
