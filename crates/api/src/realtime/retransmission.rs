//! The numbered events of a stream. They are kept until the client has them, as TCP keeps segments (RFC 9293, section 3.4).

use std::collections::VecDeque;

use shared::ids::RoomId;

use super::frame::Frame;
use super::queue::FRAME_OVERHEAD;

/// How many bytes of acknowledged events stay when a write counts as an acknowledgement: what was written may not have
/// arrived when a connection breaks.
const KEPT_BYTES: usize = 256 * 1024;

/// When an event counts as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// When it was written. The latest ones stay nevertheless.
    Written,
    /// When the client says so.
    Explicit,
}

/// The events of a stream that were taken from its queue.
#[derive(Debug, Default)]
pub(super) struct Retransmission {
    events: VecDeque<(u64, Frame)>,
    /// The number of the last event.
    last: u64,
    /// The client has all events up to this one, as far as the server knows.
    acknowledged: u64,
    /// The events up to this one are not kept any more.
    dropped: u64,
    /// The size of all kept events.
    bytes: usize,
    /// The size of those that are not acknowledged.
    unacknowledged_bytes: usize,
}

impl Retransmission {
    /// Numbers an event.
    pub(super) fn push(&mut self, frame: Frame) -> u64 {
        self.last += 1;
        self.bytes += size(&frame);
        self.unacknowledged_bytes += size(&frame);
        self.events.push_back((self.last, frame));
        self.last
    }

    /// Marks the events up to `n` as received, and drops those that need not be kept.
    pub(super) fn acknowledge(&mut self, n: u64, by: Acknowledgement) {
        let n = n.min(self.last);
        let first = self.events.partition_point(|(number, _)| *number <= self.acknowledged);
        for (_, frame) in self.events.range(first..).take_while(|(number, _)| *number <= n) {
            self.unacknowledged_bytes -= size(frame);
        }
        self.acknowledged = self.acknowledged.max(n);
        while let Some((number, _)) = self.events.front()
            && match by {
                Acknowledgement::Written => self.bytes > self.unacknowledged_bytes + KEPT_BYTES,
                // What was only written, the client may lack.
                Acknowledgement::Explicit => *number <= n,
            }
            && let Some((number, frame)) = self.events.pop_front()
        {
            self.bytes -= size(&frame);
            self.dropped = number;
        }
        if by == Acknowledgement::Explicit {
            self.dropped = self.dropped.max(n);
        }
    }

    /// The last event that the client has, as far as the server knows.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Whether a client that has the events up to `n` can have all others.
    pub(super) fn continues_after(&self, n: u64) -> bool {
        (self.dropped..=self.last).contains(&n)
    }

    /// The events after `n`, up to so many bytes, but at least one.
    pub(super) fn after(&self, n: u64, max_bytes: usize) -> Vec<(u64, Frame)> {
        let first = self.events.partition_point(|(number, _)| *number <= n);
        let mut bytes = 0;
        let fits = |(_, frame): &&(u64, Frame)| {
            bytes += frame.len();
            bytes <= max_bytes || bytes == frame.len()
        };
        self.events.range(first..).take_while(fits).cloned().collect()
    }

    /// Drops the events of a room, because the user may not see it any more.
    pub(super) fn forget_room(&mut self, room_id: RoomId) {
        self.events.retain(|(_, frame)| frame.room_id() != Some(room_id));
        let acknowledged = self.acknowledged;
        self.bytes = self.events.iter().map(|(_, frame)| size(frame)).sum();
        let waiting = self.events.iter().filter(|(number, _)| *number > acknowledged);
        self.unacknowledged_bytes = waiting.map(|(_, frame)| size(frame)).sum();
    }

    /// Drops all events.
    pub(super) fn clear(&mut self) {
        self.events = VecDeque::new();
        (self.bytes, self.unacknowledged_bytes, self.dropped) = (0, 0, self.last);
    }

    /// The size of all kept events.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The size of the events that are not acknowledged.
    pub(super) fn unacknowledged_bytes(&self) -> usize {
        self.unacknowledged_bytes
    }
}

fn size(frame: &Frame) -> usize {
    frame.len() + FRAME_OVERHEAD
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::super::budget::Budget;
    use super::*;

    fn with_events(count: usize, length: usize) -> Retransmission {
        let budget = Arc::new(Budget::new(usize::MAX));
        let mut events = Retransmission::default();
        for _ in 0..count {
            events.push(Frame::pong(&budget, Bytes::from(vec![0; length])));
        }
        events
    }

    fn numbers(events: &Retransmission, after: u64) -> Vec<u64> {
        events.after(after, usize::MAX).into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn what_is_acknowledged_by_the_client_is_dropped() {
        let mut events = with_events(4, 10);
        events.acknowledge(2, Acknowledgement::Explicit);
        assert_eq!(numbers(&events, 2), [3, 4]);
        assert!(!events.continues_after(1));
        assert!(events.continues_after(2) && events.continues_after(4));
        assert!(!events.continues_after(5));
        events.acknowledge(9, Acknowledgement::Explicit);
        assert_eq!((events.bytes(), events.unacknowledged_bytes()), (0, 0));
        assert_eq!(events.acknowledged(), 4);
    }

    #[test]
    fn the_last_written_events_stay() {
        let mut events = with_events(10, 100_000);
        events.acknowledge(10, Acknowledgement::Written);
        assert_eq!(events.unacknowledged_bytes(), 0);
        assert_eq!(numbers(&events, 8), [9, 10]);
        assert!(events.continues_after(8) && !events.continues_after(7));
        assert!(events.bytes() <= KEPT_BYTES);
    }

    #[test]
    fn what_was_only_written_stays_for_a_client_that_lacks_it() {
        let mut events = with_events(4, 10);
        events.acknowledge(3, Acknowledgement::Written);
        events.acknowledge(1, Acknowledgement::Explicit);
        assert_eq!(numbers(&events, 1), [2, 3, 4]);
        assert!(events.continues_after(1) && !events.continues_after(0));
        events.acknowledge(3, Acknowledgement::Explicit);
        assert_eq!(numbers(&events, 3), [4]);
        assert_eq!(events.bytes(), events.unacknowledged_bytes());
    }

    #[test]
    fn a_large_event_comes_alone() {
        let events = with_events(3, 100);
        assert_eq!(events.after(0, 50).len(), 1);
        assert_eq!(events.after(0, 250).len(), 2);
    }
}
