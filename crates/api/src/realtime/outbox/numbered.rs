//! The outbox of a stream: its events are numbered, and readers take them in turn.

use std::task::{Context, Poll};

use super::{LOW_WATER_BYTES, Outbox, Phase, ReaderId, State, wake_reader};
use crate::realtime::frame::Frame;
use crate::realtime::queue::Chunk;
use crate::realtime::retransmission::Acknowledgement;

/// How many bytes of events that were sent before leave together.
const RETRANSMITTED_BYTES: usize = 16 * 1024;

/// The events that the reader asks for are not kept any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped;

/// What the reader of a stream does next.
#[derive(Debug)]
pub enum Numbered {
    /// Send these events.
    Events(Vec<(u64, Frame)>),
    /// End: nothing follows.
    End,
    /// End: another reader has taken the place.
    Replaced,
}

impl Outbox {
    /// Makes it the outbox of a stream, which numbers its events.
    pub fn number_events(&self) {
        self.lock().stream = Some(Box::default());
    }

    /// Gives the stream another reader, which takes the place of the former. It begins after the event `after`, or after
    /// the last one that was received. Returns where it begins.
    ///
    /// # Errors
    /// If the events after `after` are not kept any more.
    pub fn attach(&self, after: Option<u64>, by: Acknowledgement) -> Result<(ReaderId, u64), Dropped> {
        let mut state = self.lock();
        let stream = state.stream.as_mut().ok_or(Dropped)?;
        let after = after.unwrap_or_else(|| stream.sent.acknowledged());
        if !stream.sent.continues_after(after) {
            return Err(Dropped);
        }
        if by == Acknowledgement::Explicit {
            stream.sent.acknowledge(after, by);
        }
        stream.reader.0 += 1;
        let reader = stream.reader;
        wake_reader(state);
        Ok((reader, after))
    }

    /// The events of a stream after `after`, for its reader.
    pub fn poll_numbered(
        &self,
        context: &Context<'_>,
        reader: ReaderId,
        after: u64,
        by: Acknowledgement,
    ) -> Poll<Numbered> {
        let mut guard = self.lock();
        let State { stream, queue, phase, is_drain_awaited, reader: waker, .. } = &mut *guard;
        let Some(stream) = stream.as_mut().filter(|stream| stream.reader == reader) else {
            return Poll::Ready(Numbered::Replaced);
        };
        let mut events = stream.sent.after(after, RETRANSMITTED_BYTES);
        if events.is_empty() {
            let frames = match queue.take_chunk() {
                Some(Chunk::One(frame)) => vec![frame],
                Some(Chunk::Many(frames)) => frames,
                None => Vec::new(),
            };
            events.extend(frames.into_iter().map(|frame| (stream.sent.push(frame.clone()), frame)));
            if *is_drain_awaited && queue.bytes() <= LOW_WATER_BYTES {
                *is_drain_awaited = false;
                self.changed.notify_one();
            }
        }
        if let Some((last, _)) = events.last() {
            if by == Acknowledgement::Written {
                stream.sent.acknowledge(*last, by);
            }
            return Poll::Ready(Numbered::Events(events));
        }
        if *phase == Phase::Closed {
            return Poll::Ready(Numbered::End);
        }
        if waker.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// Ends a stream that is being closed: this is its last event.
    pub fn end_stream(&self, last: Option<Frame>) {
        let mut state = self.lock();
        last.into_iter().for_each(|frame| state.queue.push(frame));
        state.phase = Phase::Closed;
        wake_reader(state);
    }
}
