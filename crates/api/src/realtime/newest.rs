//! A cache of the newest messages of followed rooms: read from the database once, then updated by the events of the
//! room.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::events::ServerEvent;
use shared::ids::{MessageId, Rev, RoomId, Seq, UserId};
use shared::messages::Message;
use shared::page::MAX_LIMIT;
use shared::reactions::Reaction;
use shared::replies::{Context, ReplyTo, Thread};
use shared::stored::Stored;

/// The number of cached messages per room: the longest page.
pub const MAX_MESSAGES: usize = MAX_LIMIT as usize;
/// The limit per room, in bytes of JSON. Rooms with very long messages have fewer messages cached.
const MAX_BYTES: usize = 256 * 1024;
/// The limit of all rooms together, in bytes. Beyond it, the least used rooms are dropped.
const MAX_TOTAL_BYTES: u64 = 64 * 1024 * 1024;
/// The memory of a cached message beside its JSON, in bytes.
const MESSAGE_OVERHEAD: usize = 64;
/// The memory of a cached reaction beside its users, in bytes.
const REACTION_OVERHEAD: usize = 64;
/// The memory of a cached quote beside its JSON, in bytes.
const QUOTE_OVERHEAD: usize = 64;
/// The memory of a cached thread, in bytes.
const THREAD_BYTES: usize = 64;
/// The initial capacity of the cache, in rooms.
const EXPECTED_ROOMS: usize = 256;

/// A message or a quote as JSON, serialized once.
pub type Json = Arc<RawValue>;

/// The cached rooms, within a bound for all of them.
pub(super) struct NewestPages(Cache<RoomId, Newest, Bytes>);

/// Weighs a room by its memory.
#[derive(Clone)]
struct Bytes;

impl Weighter<RoomId, Newest> for Bytes {
    fn weight(&self, _: &RoomId, newest: &Newest) -> u64 {
        let quotes: usize = newest.quotes.values().map(|quote| quote.get().len() + QUOTE_OVERHEAD).sum();
        let beside = quotes + newest.threads.len() * THREAD_BYTES;
        (newest.bytes + newest.messages.len() * MESSAGE_OVERHEAD + beside).max(1) as u64
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

    /// The last `limit` messages of a room; `None` if they are not cached.
    pub(super) fn page(&self, room_id: RoomId, limit: usize) -> Option<NewestPage> {
        self.0.get(&room_id)?.page(limit)
    }

    /// Caches the newest messages of a room as of `rev`, oldest first.
    pub(super) fn keep(&mut self, room_id: RoomId, rev: Rev, messages: &[Message], context: &Context) {
        if let Some(newest) = Newest::new(rev, messages, context) {
            self.0.insert(room_id, newest);
        }
    }

    /// Applies the next change of a room, in the order of `rev`. A gap drops the room.
    pub(super) fn apply(&mut self, room_id: RoomId, rev: Rev, event: &ServerEvent) {
        let is_current = self.0.get_mut(&room_id).is_none_or(|mut newest| newest.apply(rev, event).is_some());
        if !is_current {
            self.forget(room_id);
        }
    }

    /// Drops a room that lacks a change up to `rev`.
    pub(super) fn forget_before(&mut self, room_id: RoomId, rev: Rev) {
        self.0.remove_if(&room_id, |newest| newest.rev < rev);
    }

    /// Drops the pages of all rooms.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Drops the page of a room.
    pub(super) fn forget(&mut self, room_id: RoomId) {
        self.0.remove(&room_id);
    }
}

/// The newest messages of a room as of one `rev`.
#[derive(Clone, Debug)]
struct Newest {
    rev: Rev,
    messages: VecDeque<Kept>,
    /// The messages that are answered.
    quotes: HashMap<MessageId, Json>,
    /// The threads, by their first message.
    threads: HashMap<MessageId, Thread>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Kept {
    id: MessageId,
    seq: Seq,
    reply_to: Option<ReplyTo>,
    reactions: Option<Arc<Vec<Reaction>>>,
    json: Json,
}

fn json(value: &impl Serialize) -> Option<Json> {
    serde_json::value::to_raw_value(value).ok().map(Arc::from)
}

impl Kept {
    /// `None` if the message cannot be serialized, which is a bug.
    fn new(message: &Message) -> Option<Self> {
        let reactions = message.reactions.as_ref().and_then(Stored::decode);
        let reactions = reactions.map(|sum| Arc::new(sum.into_owned()));
        Some(Self {
            id: message.id,
            seq: message.seq,
            reply_to: message.reply_to,
            reactions,
            json: json(message)?,
        })
    }

    /// Its memory beside [`MESSAGE_OVERHEAD`], in bytes.
    fn size(&self) -> usize {
        let users = |kind: &Reaction| kind.user_ids.len() * size_of::<UserId>();
        let kinds = self.reactions.iter().flat_map(|sum| sum.iter());
        self.json.get().len() + kinds.map(|kind| REACTION_OVERHEAD + users(kind)).sum::<usize>()
    }

    fn root_id(&self) -> MessageId {
        self.reply_to.map_or(self.id, |reply| reply.root_id)
    }
}

/// The newest page, oldest message first.
#[derive(Clone, Debug)]
pub struct NewestPage {
    /// The messages.
    pub items: Vec<Json>,
    /// The `seq` of the first message, if there is one.
    pub first: Option<Seq>,
    /// The messages that they answer.
    pub quotes: Vec<Json>,
    /// The threads that they begin or belong to.
    pub threads: Vec<Thread>,
    /// The sums of the reactions, among which may be those of the reader.
    pub sums: Vec<(MessageId, Arc<Vec<Reaction>>)>,
}

impl Newest {
    /// From the messages in the database as of `rev`, oldest first.
    fn new(rev: Rev, messages: &[Message], context: &Context) -> Option<Self> {
        let (quotes, threads) = (HashMap::new(), HashMap::new());
        let mut newest = Self { rev, messages: VecDeque::new(), quotes, threads, bytes: 0 };
        messages.iter().try_for_each(|message| newest.append(message))?;
        newest.refer(context)?;
        Some(newest)
    }

    /// The last `limit` messages; `None` if fewer are cached and the room has more.
    fn page(&self, limit: usize) -> Option<NewestPage> {
        let reaches_beginning = self.messages.front().is_none_or(|first| first.seq == Seq(1));
        if self.messages.len() < limit && !reaches_beginning {
            return None;
        }
        let page = self.messages.range(self.messages.len().saturating_sub(limit)..);
        let (mut answered, mut quotes, mut threads) = (HashSet::new(), Vec::new(), Vec::<Thread>::new());
        for kept in page.clone() {
            if let Some(reply) = kept.reply_to
                && answered.insert(reply.id)
            {
                quotes.extend(self.quotes.get(&reply.id).cloned());
            }
            let thread = self.threads.get(&kept.root_id());
            let is_new = |thread: &&Thread| threads.iter().all(|known| known.root_id != thread.root_id);
            threads.extend(thread.filter(is_new));
        }
        Some(NewestPage {
            first: page.clone().next().map(|kept| kept.seq),
            sums: page.clone().filter_map(|kept| Some((kept.id, kept.reactions.clone()?))).collect(),
            items: page.map(|kept| kept.json.clone()).collect(),
            quotes,
            threads,
        })
    }

    /// Applies the next change of the room. `None` if there is a gap before it: the cached messages are then invalid.
    fn apply(&mut self, rev: Rev, event: &ServerEvent) -> Option<()> {
        if rev <= self.rev {
            return Some(());
        }
        if rev != self.rev.next() {
            return None;
        }
        self.rev = rev;
        match event {
            ServerEvent::MessageCreated(change) => {
                self.append(&change.message)?;
                self.refer(&change.context)
            }
            ServerEvent::MessageUpdated(change) | ServerEvent::MessageDeleted(change) => {
                self.replace(&change.message)?;
                self.refer(&change.context)
            }
            ServerEvent::RoomUpdated(_)
            | ServerEvent::MemberJoined(_)
            | ServerEvent::MemberUpdated(_)
            | ServerEvent::MemberLeft { .. } => Some(()),
            _ => None,
        }
    }

    /// Keeps what changed messages refer to, as far as kept messages refer to it. `None` if that cannot be serialized,
    /// which is a bug.
    fn refer(&mut self, context: &Context) -> Option<()> {
        for quote in &context.quotes {
            let is_needed = |kept: &Kept| kept.reply_to.is_some_and(|reply| reply.id == quote.id);
            if self.messages.iter().any(is_needed) {
                self.quotes.insert(quote.id, json(quote)?);
            }
        }
        for thread in &context.threads {
            if self.messages.iter().any(|kept| kept.root_id() == thread.root_id) {
                self.threads.insert(thread.root_id, *thread);
            }
        }
        Some(())
    }

    fn append(&mut self, message: &Message) -> Option<()> {
        if self.messages.back().is_some_and(|last| last.seq.next() != message.seq) {
            return None;
        }
        let kept = Kept::new(message)?;
        self.bytes += kept.size();
        self.messages.push_back(kept);
        self.trim();
        Some(())
    }

    fn replace(&mut self, message: &Message) -> Option<()> {
        if let Some(kept) = self.messages.iter_mut().rfind(|kept| kept.id == message.id) {
            let changed = Kept::new(message)?;
            self.bytes = self.bytes + changed.size() - kept.size();
            *kept = changed;
            self.trim();
        }
        Some(())
    }

    fn trim(&mut self) {
        let is_too_much = |newest: &Self| newest.messages.len() > MAX_MESSAGES || newest.bytes > MAX_BYTES;
        // An empty page would mean that the room is empty.
        while self.messages.len() > 1 && is_too_much(self) {
            let oldest = self.messages.pop_front();
            self.bytes -= oldest.as_ref().map_or(0, Kept::size);
            self.forget_beside(oldest);
        }
    }

    /// Forgets what only a dropped message refers to.
    fn forget_beside(&mut self, dropped: Option<Kept>) {
        let Some(dropped) = dropped else { return };
        if let Some(reply) = dropped.reply_to
            && !self.messages.iter().any(|kept| kept.reply_to.is_some_and(|other| other.id == reply.id))
        {
            self.quotes.remove(&reply.id);
        }
        let root_id = dropped.root_id();
        if self.threads.contains_key(&root_id) && !self.messages.iter().any(|kept| kept.root_id() == root_id)
        {
            self.threads.remove(&root_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
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
                avatar_url: None,
            },
            text: Some("x".repeat(1_000)),
            body: None,
            attachments: Vec::new(),
            reply_to: None,
            reactions: None,
            pinned_at: None,
            created_at: DateTime::<Utc>::UNIX_EPOCH.into(),
            edited_at: None,
            deleted_at: None,
        }
    }

    #[test]
    fn the_least_used_rooms_are_dropped_when_all_together_exceed_the_limit() {
        let messages: Vec<Message> = (1..=10).map(message).collect();
        let mut pages = NewestPages::bounded(200_000);
        pages.keep(room(1), Rev(10), &messages, &Context::default());
        for number in 2..100 {
            assert!(pages.page(room(1), 10).is_some(), "{number}");
            pages.keep(room(number), Rev(10), &messages, &Context::default());
        }
        let kept = (1..100).filter(|number| pages.page(room(*number), 10).is_some()).count();
        assert!((5..=16).contains(&kept), "{kept}");
    }

    #[test]
    fn a_gap_or_a_newer_known_change_drops_a_room() {
        let messages: Vec<Message> = (1..=3).map(message).collect();
        let created = |seq| {
            let message = message(seq);
            ServerEvent::MessageCreated(shared::events::MessageChange::of(message))
        };
        let mut pages = NewestPages::default();
        pages.keep(room(1), Rev(3), &messages, &Context::default());
        pages.apply(room(1), Rev(4), &created(4));
        assert_eq!(pages.page(room(1), 10).unwrap().items.len(), 4);
        pages.forget_before(room(1), Rev(4));
        assert!(pages.page(room(1), 10).is_some());
        pages.apply(room(1), Rev(6), &created(6));
        assert!(pages.page(room(1), 10).is_none());
        pages.keep(room(1), Rev(3), &messages, &Context::default());
        pages.forget_before(room(1), Rev(4));
        assert!(pages.page(room(1), 10).is_none());
    }
}
