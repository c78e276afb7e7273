//! The queue of an outbox, and how much of it leaves at once.

use std::collections::VecDeque;

use shared::ids::RoomId;

use super::frame::Frame;

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
pub(super) const FRAME_OVERHEAD: usize = 64;
/// An empty queue is freed if its capacity exceeds this.
const IDLE_CAPACITY: usize = 4;

/// Frames in the order in which they leave.
#[derive(Debug, Default)]
pub(super) struct Queue {
    frames: VecDeque<Frame>,
    /// The size of the frames with overhead.
    bytes: usize,
    has_backlog: bool,
}

/// Frames that leave together.
#[derive(Debug)]
pub enum Chunk {
    /// A single frame, which may be larger than a chunk of several.
    One(Frame),
    /// Several frames.
    Many(Vec<Frame>),
}

impl Chunk {
    /// The size of the frames, in bytes.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(frame) => frame.len(),
            Self::Many(frames) => frames.iter().map(Frame::len).sum(),
        }
    }
}

impl Queue {
    pub(super) fn push(&mut self, frame: Frame) {
        self.bytes += frame.len() + FRAME_OVERHEAD;
        self.frames.push_back(frame);
    }

    /// Drops the frames that tell of a room.
    pub(super) fn forget_room(&mut self, room_id: RoomId) {
        self.frames.retain(|frame| frame.room_id() != Some(room_id));
        self.bytes = self.frames.iter().map(|frame| frame.len() + FRAME_OVERHEAD).sum();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The memory of the queued frames.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes the next frame, and those after it that fit into the same chunk.
    pub(super) fn take_chunk(&mut self) -> Option<Chunk> {
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
        self.bytes = self.bytes.saturating_sub(taken);
        match count {
            0 => {
                self.has_backlog = false;
                if self.frames.capacity() > IDLE_CAPACITY {
                    self.frames = VecDeque::new();
                }
                None
            }
            1 => self.frames.pop_front().map(Chunk::One),
            _ => Some(Chunk::Many(self.frames.drain(..count).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::super::budget::Budget;
    use super::*;

    fn frame(length: usize) -> Frame {
        Frame::pong(&Arc::new(Budget::new(usize::MAX)), Bytes::from(vec![0; length]))
    }

    #[test]
    fn small_frames_leave_together_and_more_of_them_the_more_wait() {
        let mut queue = Queue::default();
        let length = |queue: &mut Queue| queue.take_chunk().map(|chunk| chunk.len());
        (0..BUSY_FRAMES).for_each(|_| queue.push(frame(998)));
        assert_eq!(length(&mut queue), Some(4 * 1_002));
        (0..BACKLOG_FRAMES - 8).for_each(|_| queue.push(frame(998)));
        assert_eq!(length(&mut queue), Some(7 * 1_002));
        (0..8).for_each(|_| queue.push(frame(998)));
        assert_eq!(length(&mut queue), Some(16 * 1_002));
        while queue.take_chunk().is_some() {}
        queue.push(frame(9_996));
        queue.push(frame(998));
        assert_eq!(length(&mut queue), Some(10_000), "a large frame leaves alone");
        assert_eq!(length(&mut queue), Some(1_002));
        assert_eq!((length(&mut queue), queue.bytes()), (None, 0));
    }
}
