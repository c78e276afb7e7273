//! What is on its way to one connection: a queue bounded by bytes, which nobody waits for.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::events::CloseCode;
use tokio::sync::Notify;

use super::frame::Frame;

/// How much may wait for a reader, in bytes, before it is too slow.
pub const MAX_QUEUED_BYTES: usize = 1024 * 1024;
/// Below this much, in bytes, a replay goes on.
const LOW_WATER_BYTES: usize = MAX_QUEUED_BYTES / 4;

/// The frames that wait for one connection.
#[derive(Debug, Default)]
pub struct Outbox {
    state: Mutex<State>,
    changed: Notify,
    drained: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame>,
    bytes: usize,
    close: Option<CloseCode>,
}

/// What the write loop is to do next.
#[derive(Debug)]
pub enum Next {
    /// Send these.
    Frames(Vec<Frame>),
    /// Say goodbye with this code.
    Close(CloseCode),
}

impl Outbox {
    /// Puts a frame at the end. A connection that has too much waiting is closed as a slow consumer.
    pub fn push(&self, frame: Frame) {
        let mut state = self.lock();
        if state.close.is_some() {
            return;
        }
        state.bytes += frame.0.len();
        state.frames.push_back(frame);
        if state.bytes > MAX_QUEUED_BYTES {
            state.frames = VecDeque::new();
            state.close = Some(CloseCode::SlowConsumer);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Ends the connection: after what waits, unless it is being closed already.
    pub fn close(&self, code: CloseCode) {
        let mut state = self.lock();
        if state.close.is_none() {
            state.close = Some(code);
        }
        drop(state);
        self.changed.notify_one();
        self.drained.notify_one();
    }

    /// Waits for something to send and takes up to `max_frames` of it.
    pub async fn next(&self, max_frames: usize) -> Next {
        loop {
            if let Some(next) = self.take(max_frames) {
                return next;
            }
            self.changed.notified().await;
        }
    }

    fn take(&self, max_frames: usize) -> Option<Next> {
        let mut state = self.lock();
        if state.frames.is_empty() {
            return state.close.map(Next::Close);
        }
        let count = state.frames.len().min(max_frames);
        let frames: Vec<Frame> = state.frames.drain(..count).collect();
        state.bytes -= frames.iter().map(|frame| frame.0.len()).sum::<usize>();
        if state.frames.is_empty() {
            // An idle connection keeps no queue.
            state.frames = VecDeque::new();
        }
        let drained = state.bytes <= LOW_WATER_BYTES;
        drop(state);
        if drained {
            self.drained.notify_one();
        }
        Some(Next::Frames(frames))
    }

    /// Waits until there is room for more of something long, or the connection closes.
    pub async fn drained(&self) {
        loop {
            {
                let state = self.lock();
                if state.bytes <= LOW_WATER_BYTES || state.close.is_some() {
                    return;
                }
            }
            self.drained.notified().await;
        }
    }

    /// No panic happens under this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn frame(bytes: usize) -> Frame {
        Frame(Bytes::from(vec![0; bytes]))
    }

    #[tokio::test]
    async fn frames_leave_in_order_and_several_at_once() {
        let outbox = Outbox::default();
        for length in 1..=5 {
            outbox.push(frame(length));
        }
        let Next::Frames(first) = outbox.next(3).await else { panic!("closed") };
        assert_eq!(first.iter().map(|frame| frame.0.len()).collect::<Vec<_>>(), [1, 2, 3]);
        let Next::Frames(rest) = outbox.next(3).await else { panic!("closed") };
        assert_eq!(rest.iter().map(|frame| frame.0.len()).collect::<Vec<_>>(), [4, 5]);
    }

    #[tokio::test]
    async fn a_reader_that_lets_too_much_wait_is_a_slow_consumer() {
        let outbox = Outbox::default();
        outbox.push(frame(MAX_QUEUED_BYTES));
        assert!(matches!(outbox.next(9).await, Next::Frames(_)));
        outbox.push(frame(MAX_QUEUED_BYTES));
        outbox.push(frame(1));
        assert!(matches!(outbox.next(9).await, Next::Close(CloseCode::SlowConsumer)));
        outbox.push(frame(1));
        assert!(matches!(outbox.next(9).await, Next::Close(CloseCode::SlowConsumer)));
    }

    #[tokio::test]
    async fn a_close_comes_after_what_waits() {
        let outbox = Outbox::default();
        outbox.push(frame(1));
        outbox.close(CloseCode::Restart);
        outbox.close(CloseCode::Internal);
        assert!(matches!(outbox.next(9).await, Next::Frames(_)));
        assert!(matches!(outbox.next(9).await, Next::Close(CloseCode::Restart)));
    }
}
