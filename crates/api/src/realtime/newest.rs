//! The newest messages of a room that people are in, ready to be served: read once, then kept right by the events that
//! the room's followers get.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::value::RawValue;
use shared::events::ServerEvent;
use shared::ids::{MessageId, Rev, Seq};
use shared::messages::Message;
use shared::page::MAX_LIMIT;

/// How many messages are kept: the longest page.
pub const MAX_MESSAGES: usize = MAX_LIMIT as usize;
/// How much is kept of a room, in bytes of JSON; of very long messages, fewer.
const MAX_BYTES: usize = 256 * 1024;

/// A message as its JSON, written once.
pub type MessageJson = Arc<RawValue>;

/// The end of a room's history as of one `rev`.
#[derive(Debug)]
pub(super) struct Newest {
    rev: Rev,
    messages: VecDeque<Kept>,
    bytes: usize,
}

#[derive(Debug)]
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
    pub(super) fn new(rev: Rev, messages: &[Message]) -> Option<Self> {
        let mut newest = Self { rev, messages: VecDeque::new(), bytes: 0 };
        messages.iter().try_for_each(|message| newest.append(message))?;
        Some(newest)
    }

    /// The change up to which it is right.
    pub(super) fn rev(&self) -> Rev {
        self.rev
    }

    /// The last `limit` messages; `None` when more were asked for than are kept.
    pub(super) fn page(&self, limit: usize) -> Option<NewestPage> {
        let reaches_beginning = self.messages.front().is_none_or(|first| first.seq == Seq(1));
        if self.messages.len() < limit && !reaches_beginning {
            return None;
        }
        let page = self.messages.range(self.messages.len().saturating_sub(limit)..);
        let first = page.clone().next().map(|kept| kept.seq);
        Some(NewestPage { items: page.map(|kept| kept.json.clone()).collect(), first })
    }

    /// Takes the room's next change in. `None` when it does not follow on what is kept, which then is worth nothing.
    pub(super) fn apply(&mut self, rev: Rev, event: &ServerEvent) -> Option<()> {
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
