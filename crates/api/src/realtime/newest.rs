//! The newest messages of rooms that are followed, ready to be served: read once, then kept current by the events that
//! the room's followers get.

use std::collections::VecDeque;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use serde_json::value::RawValue;
use shared::events::ServerEvent;
use shared::ids::{MessageId, Rev, RoomId, Seq};
use shared::messages::Message;
use shared::page::MAX_LIMIT;

/// How many messages are kept: the longest page.
pub const MAX_MESSAGES: usize = MAX_LIMIT as usize;
/// How much is kept of a room, in bytes of JSON; of very long messages, fewer.
const MAX_BYTES: usize = 256 * 1024;
/// How much is kept of all rooms together, in bytes. Beyond it the rooms least asked for are dropped.
const MAX_TOTAL_BYTES: u64 = 64 * 1024 * 1024;
/// What a kept message costs beside its JSON, in bytes.
const MESSAGE_OVERHEAD: usize = 64;
/// How many rooms the cache expects; more only make it grow.
const EXPECTED_ROOMS: usize = 256;

/// A message as its JSON, written once.
pub type MessageJson = Arc<RawValue>;

/// The newest messages of many rooms, within a bound for all of them.
pub(super) struct NewestPages(Cache<RoomId, Newest, Bytes>);

/// Weighs a room by its memory.
#[derive(Clone)]
struct Bytes;

impl Weighter<RoomId, Newest> for Bytes {
    fn weight(&self, _: &RoomId, newest: &Newest) -> u64 {
        (newest.bytes + newest.messages.len() * MESSAGE_OVERHEAD).max(1) as u64
    }
}

impl Default for NewestPages {
    fn default() -> Self {
        Self::bounded(MAX_TOTAL_BYTES)
    }
}

impl NewestPages {
    fn bounded(bytes: u64) -> Self {
        Self(Cache::with_weighter(EXPECTED_ROOMS, bytes, Bytes))
    }

    /// The last `limit` messages of a room; `None` when they are not kept.
    pub(super) fn page(&self, room_id: RoomId, limit: usize) -> Option<NewestPage> {
        self.0.get(&room_id)?.page(limit)
    }

    /// Keeps a room's newest messages, as the database shows them at `rev`, oldest first.
    pub(super) fn keep(&mut self, room_id: RoomId, rev: Rev, messages: &[Message]) {
        if let Some(newest) = Newest::new(rev, messages) {
            self.0.insert(room_id, newest);
        }
    }

    /// Applies a room's next change, in the order of `rev`.
    pub(super) fn apply(&mut self, room_id: RoomId, rev: Rev, event: &ServerEvent) {
        let is_current = self.0.get_mut(&room_id).is_none_or(|mut newest| newest.apply(rev, event).is_some());
        if !is_current {
            self.forget(room_id);
        }
    }

    /// Drops what is known to lack a change.
    pub(super) fn forget_before(&mut self, room_id: RoomId, rev: Rev) {
        self.0.remove_if(&room_id, |newest| newest.rev < rev);
    }

    /// Drops a room.
    pub(super) fn forget(&mut self, room_id: RoomId) {
        self.0.remove(&room_id);
    }
}

/// The end of a room's history as of one `rev`.
#[derive(Clone, Debug)]
struct Newest {
    rev: Rev,
    messages: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Kept {
    id: MessageId,
    seq: Seq,
    json: MessageJson,
}

/// The newest page, oldest message first.
#[derive(Clone, Debug)]
pub struct NewestPage {
    /// The messages.
    pub items: Vec<MessageJson>,
    /// The place of the first one, if there is any.
    pub first: Option<Seq>,
}

impl Newest {
    /// From what the database shows at `rev`, oldest first.
    fn new(rev: Rev, messages: &[Message]) -> Option<Self> {
        let mut newest = Self { rev, messages: VecDeque::new(), bytes: 0 };
        messages.iter().try_for_each(|message| newest.append(message))?;
        Some(newest)
    }

    /// The last `limit` messages; `None` when more were asked for than are kept.
    fn page(&self, limit: usize) -> Option<NewestPage> {
        let reaches_beginning = self.messages.front().is_none_or(|first| first.seq == Seq(1));
        if self.messages.len() < limit && !reaches_beginning {
            return None;
        }
        let page = self.messages.range(self.messages.len().saturating_sub(limit)..);
        let first = page.clone().next().map(|kept| kept.seq);
        Some(NewestPage { items: page.map(|kept| kept.json.clone()).collect(), first })
    }

    /// Applies the room's next change. `None` when there is a gap before it; what is kept is then of no use.
    fn apply(&mut self, rev: Rev, event: &ServerEvent) -> Option<()> {
        if rev <= self.rev {
            return Some(());
        }
        if rev != self.rev.next() {
            return None;
        }
        self.rev = rev;
        match event {
            ServerEvent::MessageCreated(change) => self.append(&change.message),
            ServerEvent::MessageUpdated(change) | ServerEvent::MessageDeleted(change) => {
                self.replace(&change.message)
            }
            ServerEvent::RoomUpdated(_) => Some(()),
            _ => None,
        }
    }

    fn append(&mut self, message: &Message) -> Option<()> {
        if self.messages.back().is_some_and(|last| last.seq.next() != message.seq) {
            return None;
        }
        let json = json(message)?;
        self.bytes += json.get().len();
        self.messages.push_back(Kept { id: message.id, seq: message.seq, json });
        self.trim();
        Some(())
    }

    fn replace(&mut self, message: &Message) -> Option<()> {
        if let Some(kept) = self.messages.iter_mut().rfind(|kept| kept.id == message.id) {
            let json = json(message)?;
            self.bytes = self.bytes + json.get().len() - kept.json.get().len();
            kept.json = json;
            self.trim();
        }
        Some(())
    }

    fn trim(&mut self) {
        let is_too_much = |newest: &Self| newest.messages.len() > MAX_MESSAGES || newest.bytes > MAX_BYTES;
        // An empty page would say that the room is empty.
        while self.messages.len() > 1 && is_too_much(self) {
            let oldest = self.messages.pop_front();
            self.bytes -= oldest.map_or(0, |oldest| oldest.json.get().len());
        }
    }
}

/// `None` when it cannot be written as JSON, which no message of ours is.
fn json(message: &Message) -> Option<MessageJson> {
    serde_json::value::to_raw_value(message).ok().map(Arc::from)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use shared::ids::UserId;
    use shared::messages::Author;
    use shared::users::{UserKind, Username};
    use uuid::Uuid;

    use super::*;

    fn room(number: u128) -> RoomId {
        RoomId(Uuid::from_u128(number))
    }

    fn message(seq: i64) -> Message {
        Message {
            id: MessageId(Uuid::from_u128(seq as u128)),
            room_id: room(1),
            seq: Seq(seq),
            rev: Rev(seq),
            author: Author {
                id: UserId(Uuid::nil()),
                username: Username::from_stored("adam".to_owned()),
                kind: UserKind::Guest,
            },
            text: Some("x".repeat(1_000)),
            created_at: DateTime::<Utc>::UNIX_EPOCH.into(),
            edited_at: None,
            deleted_at: None,
        }
    }

    #[test]
    fn all_rooms_together_stay_within_the_bound_and_those_asked_for_are_kept() {
        let messages: Vec<Message> = (1..=10).map(message).collect();
        let mut pages = NewestPages::bounded(200_000);
        pages.keep(room(1), Rev(10), &messages);
        for number in 2..100 {
            assert!(pages.page(room(1), 10).is_some(), "{number}");
            pages.keep(room(number), Rev(10), &messages);
        }
        let kept = (1..100).filter(|number| pages.page(room(*number), 10).is_some()).count();
        assert!((5..=16).contains(&kept), "{kept}");
    }

    #[test]
    fn a_gap_or_a_later_known_change_drops_a_room() {
        let messages: Vec<Message> = (1..=3).map(message).collect();
        let created = |seq| {
            let message = message(seq);
            ServerEvent::MessageCreated(shared::events::MessageChange {
                room_id: room(1),
                rev: Rev(seq),
                message,
            })
        };
        let mut pages = NewestPages::default();
        pages.keep(room(1), Rev(3), &messages);
        pages.apply(room(1), Rev(4), &created(4));
        assert_eq!(pages.page(room(1), 10).unwrap().items.len(), 4);
        pages.forget_before(room(1), Rev(4));
        assert!(pages.page(room(1), 10).is_some());
        pages.apply(room(1), Rev(6), &created(6));
        assert!(pages.page(room(1), 10).is_none());
        pages.keep(room(1), Rev(3), &messages);
        pages.forget_before(room(1), Rev(4));
        assert!(pages.page(room(1), 10).is_none());
    }
}
