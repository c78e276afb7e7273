//! The frames that wait for one connection: a bounded queue, from which the response body takes frames.
//!
//! Publishing never waits for a slow reader. A connection whose queue is full is closed and resumes by `since`.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use shared::events::CloseCode;
use tokio::sync::Notify;

use super::frame::Frame;

/// The limit of waiting bytes, above which a connection is closed as too slow.
pub const MAX_QUEUED_BYTES: usize = 1024 * 1024;
/// A replay continues when fewer bytes than this are waiting.
const LOW_WATER_BYTES: usize = MAX_QUEUED_BYTES / 4;
/// Frames up to this many bytes leave together, so that they share a write. Only the part of a write buffer that was ever
/// used takes memory, so an idle connection stays small.
const CHUNK_BYTES: usize = 4 * 1024;
/// Above this many frames, as many leave together as fit into the buffer that actix-http has for each connection.
const BUSY_FRAMES: usize = 12;
const BUSY_CHUNK_BYTES: usize = 7 * 1024;
/// Above this many frames the queue is a backlog, until it is empty: fewer writes, for a larger buffer. A client that
/// subscribes to many rooms has fewer frames waiting.
const BACKLOG_FRAMES: usize = 64;
const BACKLOG_CHUNK_BYTES: usize = 16 * 1024;
/// The memory of a queued frame beside its bytes.
const FRAME_OVERHEAD: usize = 64;
/// An empty queue is freed if its capacity exceeds this.
const IDLE_CAPACITY: usize = 4;

/// The frames that wait for one connection.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    /// Wakes the connection's task: the outbox was closed, or has room for more of a replay.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame>,
    /// The size of the queued frames with overhead.
    queued_bytes: usize,
    /// The size of frames that are held outside of the queue, until they may be queued.
    reserved_bytes: usize,
    phase: Phase,
    /// Set when the connection no longer waits for the client.
    finish: Option<Finish>,
    is_gone: bool,
    /// The waker of the response body, if it waits for a frame.
    reader: Option<Waker>,
    is_drain_awaited: bool,
    has_backlog: bool,
}

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
    /// Send this frame.
    Frame(Frame),
    /// Send these frames together.
    Frames(Vec<Frame>),
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
        for frame in frames {
            state.queued_bytes += frame.len() + FRAME_OVERHEAD;
            state.frames.push_back(frame);
        }
        if state.is_full() {
            self.close_slow(state);
            return None;
        }
        if state.frames.is_empty() { None } else { state.reader.take() }
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
        state.queued_bytes + state.reserved_bytes
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
        state.forget_frames();
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
            state.forget_frames();
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
                state.is_drain_awaited = state.queued_bytes > LOW_WATER_BYTES && state.phase == Phase::Open;
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
        if let Some(chunk) = state.take_chunk() {
            if state.is_drain_awaited && state.queued_bytes <= LOW_WATER_BYTES {
                state.is_drain_awaited = false;
                self.changed.notify_one();
            }
            return Poll::Ready(chunk);
        }
        state.has_backlog = false;
        if state.frames.capacity() > IDLE_CAPACITY {
            state.frames = VecDeque::new();
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

    fn close_slow(&self, mut state: MutexGuard<'_, State>) {
        state.phase = Phase::Closing(CloseCode::SlowConsumer);
        state.forget_frames();
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
        self.queued_bytes + self.reserved_bytes > MAX_QUEUED_BYTES
    }

    /// Takes the next frame, and those after it that fit into the same chunk.
    fn take_chunk(&mut self) -> Option<Next> {
        self.has_backlog |= self.frames.len() > BACKLOG_FRAMES;
        let limit = match self.frames.len() {
            _ if self.has_backlog => BACKLOG_CHUNK_BYTES,
            count if count > BUSY_FRAMES => BUSY_CHUNK_BYTES,
            _ => CHUNK_BYTES,
        };
        let (mut count, mut bytes) = (0, 0);
        for frame in &self.frames {
            bytes += frame.len();
            if count > 0 && bytes > limit {
                break;
            }
            count += 1;
        }
        let taken: usize = self.frames.range(..count).map(|frame| frame.len() + FRAME_OVERHEAD).sum();
        self.queued_bytes = self.queued_bytes.saturating_sub(taken);
        match count {
            0 | 1 => self.frames.pop_front().map(Next::Frame),
            _ => Some(Next::Frames(self.frames.drain(..count).collect())),
        }
    }

    fn forget_frames(&mut self) {
        self.frames = VecDeque::new();
        self.queued_bytes = 0;
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
            Some(Next::Frame(frame)) => frame.len(),
            Some(Next::Frames(frames)) => frames.iter().map(Frame::len).sum(),
            other => panic!("expected frames, got {other:?}"),
        }
    }

    #[test]
    fn small_frames_leave_together_and_more_of_them_while_there_is_a_backlog() {
        let outbox = Outbox::default();
        (0..BUSY_FRAMES).for_each(|_| outbox.push(frame(998)));
        assert_eq!(length(&outbox), 4 * 1_002);
        (0..BACKLOG_FRAMES - 8).for_each(|_| outbox.push(frame(998)));
        assert_eq!(length(&outbox), 7 * 1_002);
        (0..8).for_each(|_| outbox.push(frame(998)));
        assert_eq!(length(&outbox), 16 * 1_002);
        while next(&outbox).is_some() {}
        outbox.push(frame(9_996));
        outbox.push(frame(998));
        assert_eq!(length(&outbox), 10_000, "a large frame leaves alone");
        assert_eq!(length(&outbox), 1_002);
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
        for _ in 0..MAX_QUEUED_BYTES / FRAME_OVERHEAD {
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
