//! A room's timeline: a window of messages without holes, of a limited length.
//!
//! Pure. Pages, live events, replays and replies all come through `insert`-like doors that may be used in any order
//! and more than once: of two copies of a message the one with the higher `rev` stays. Whatever makes the window longer
//! than its limit drops messages at the other end; they are loaded again when the user gets there.

mod outside;

use std::sync::Arc;

use shared::ids::{MessageId, Seq};
use shared::messages::{Author, Message, MessagePage};
use shared::page::Cursor;
use shared::reactions::Mine;
use shared::replies::Context;
use shared::timestamp::Timestamp;

use self::outside::Outside;
use crate::state::reactions::OwnReactions;
use crate::state::references::References;

/// The window has at least this limit. It suits a screen of 800 pixels.
pub const WINDOW: usize = 120;
/// How many messages live ones drop at once.
const STEP: usize = 30;

/// How a message that one sends is getting on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The server has it.
    Sent,
    /// Waits for the one before it, or is on its way.
    Pending,
    /// The server refused it.
    Failed {
        /// Why, in a sentence.
        detail: String,
    },
}

/// Where the messages beyond an edge of the window are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The API's cursor leads there.
    Cursor(Cursor),
    /// Beside this message: the messages beyond were dropped, and the API has cursors for whole pages only.
    Message(MessageId),
}

/// How the user looks at a timeline, and so what must stay in the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// Whether the user reads above the end. Live messages must not drop what they read.
    pub is_away: bool,
    /// The message that the user edits. It stays, because the editor is in its row.
    pub edits: Option<MessageId>,
    /// How many messages the window holds, at least `WINDOW`.
    pub limit: usize,
}

/// The loaded messages of a room. It is empty until its first page comes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// Without holes: the seq of each is one more than that of the one before.
    window: Vec<Arc<Message>>,
    outside: Outside,
    older: Option<Edge>,
    newer: Option<Edge>,
    loaded: bool,
    reader: Reader,
    /// What the messages refer to.
    pub references: References,
    /// The user's own reactions.
    pub own: OwnReactions,
}

impl Timeline {
    /// The messages at hand, oldest first.
    pub fn messages(&self) -> &[Arc<Message>] {
        &self.window
    }

    /// Whether the first page has come.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Leads to older messages; `None` at the room's beginning.
    pub fn older(&self) -> Option<&Edge> {
        self.older.as_ref()
    }

    /// Leads to newer messages; `None` when the newest is at hand.
    pub fn newer(&self) -> Option<&Edge> {
        self.newer.as_ref()
    }

    /// Whether the window reaches the newest message.
    pub fn is_at_newest(&self) -> bool {
        self.loaded && self.newer.is_none()
    }

    /// The message of that id, if it is at hand.
    pub fn get(&self, id: MessageId) -> Option<&Arc<Message>> {
        self.window.iter().rev().find(|message| message.id == id)
    }

    /// The newest living message by this author.
    pub fn last_by(&self, author: shared::ids::UserId) -> Option<&Arc<Message>> {
        self.window.iter().rev().find(|message| message.author.id == author && message.text.is_some())
    }

    /// Says how the user looks at it from now on.
    pub fn set_reader(&mut self, reader: Reader) {
        self.reader = reader;
    }

    /// Shows this page instead of what was shown: the newest one, or one around a message.
    pub fn show(&mut self, page: MessagePage) {
        let page = self.learn(page);
        for message in std::mem::take(&mut self.window) {
            self.outside.keep(message);
        }
        self.window = page.items.into_iter().map(|message| self.outside.newest_copy(message)).collect();
        self.older = page.prev_cursor.map(Edge::Cursor);
        self.newer = page.next_cursor.map(Edge::Cursor);
        self.loaded = true;
        self.extend();
    }

    /// Adds the page before the window, or around its first message, and drops the newest messages.
    pub fn prepend(&mut self, page: MessagePage) {
        let Some(first) = self.window.first().map(|message| message.seq) else { return self.show(page) };
        let page = self.learn(page);
        let mut older = page.items;
        older.retain(|message| message.seq < first);
        if older.last().is_none_or(|last| last.seq.next() == first) {
            let older =
                older.into_iter().map(|message| self.outside.newest_copy(message)).collect::<Vec<_>>();
            self.window.splice(0..0, older);
            self.older = page.prev_cursor.map(Edge::Cursor);
            let limit = self.limit();
            if self.window.len() > limit && !self.is_edited_in(limit..) {
                self.window.truncate(limit);
                self.end_here();
            }
        }
    }

    /// Adds the page after the window, or around its last message, and drops the oldest messages.
    pub fn append(&mut self, page: MessagePage) {
        let page = self.learn(page);
        let next = self.next_seq();
        let mut newer = page.items;
        newer.retain(|message| message.seq >= next);
        if newer.first().is_none_or(|message| message.seq == next) {
            for message in newer {
                let message = self.outside.newest_copy(message);
                self.window.push(message);
            }
            self.newer = page.next_cursor.map(Edge::Cursor);
            self.drop_oldest(self.limit());
            self.extend();
        }
    }

    /// Takes in what stands beside the messages of a page.
    fn learn(&mut self, page: MessagePage) -> MessagePage {
        let MessagePage { items, context, mine, next_cursor, prev_cursor } = page;
        self.own.replace(&items, mine);
        self.references.learn(context);
        MessagePage { items, context: Context::default(), mine: Mine::new(), next_cursor, prev_cursor }
    }

    /// Takes in a message however it came: a live event, a replay, a reply.
    pub fn apply(&mut self, message: Message) {
        self.references.renew(&message);
        let message = Arc::new(message);
        match self.place(message.seq) {
            Some(place) if self.window[place].rev <= message.rev => self.window[place] = message,
            Some(_) => {}
            None => {
                self.outside.keep(message);
                self.extend();
            }
        }
    }

    /// Gives an author their current name. Returns whether a message changed.
    pub fn rename_author(&mut self, author: &Author) -> bool {
        let mut is_changed = false;
        for message in &mut self.window {
            if message.author.id == author.id && message.author != *author {
                Arc::make_mut(message).author = author.clone();
                is_changed = true;
            }
        }
        is_changed
    }

    /// Shows a message as deleted before the server's event says so.
    pub fn mark_deleted(&mut self, id: MessageId, now: Timestamp) {
        if let Some(message) = self.window.iter_mut().find(|message| message.id == id) {
            let message = Arc::make_mut(message);
            message.text = None;
            message.body = None;
            message.attachments.clear();
            message.reactions = None;
            message.pinned_at = None;
            message.deleted_at = Some(now);
        }
    }

    /// Lets go of all but the newest messages, when the user leaves the room.
    pub fn trim(&mut self, keep: usize) {
        self.reader = Reader::default();
        if self.is_at_newest() {
            self.drop_oldest(keep);
            self.references.trim(&self.window);
        } else {
            *self = Self::default();
        }
    }

    /// The window's index of a seq: it has no holes, so a subtraction finds it.
    fn place(&self, seq: Seq) -> Option<usize> {
        let first = self.window.first()?.seq;
        let place = usize::try_from(seq.0 - first.0).ok()?;
        (place < self.window.len()).then_some(place)
    }

    fn limit(&self) -> usize {
        self.reader.limit.max(WINDOW)
    }

    fn next_seq(&self) -> Seq {
        self.window.last().map_or(Seq::ZERO, |message| message.seq).next()
    }

    fn is_edited_in(
        &self,
        range: impl std::slice::SliceIndex<[Arc<Message>], Output = [Arc<Message>]>,
    ) -> bool {
        let edited = self.reader.edits;
        edited.is_some() && self.window[range].iter().any(|message| Some(message.id) == edited)
    }

    /// Drops the oldest messages when there are more than so many.
    fn drop_oldest(&mut self, keep: usize) {
        let excess = self.window.len().saturating_sub(keep);
        if excess > 0 && !self.is_edited_in(..excess) {
            self.window.drain(..excess);
            self.older = self.window.first().map(|message| Edge::Message(message.id));
        }
    }

    /// The window's last message is not the newest one any more.
    fn end_here(&mut self) {
        self.newer = self.window.last().map(|message| Edge::Message(message.id));
    }

    /// Takes in what came live and follows the window's end, when that is where the room ends.
    fn extend(&mut self) {
        if !self.is_at_newest() {
            return;
        }
        let limit = self.limit();
        let mut next = self.next_seq();
        while self.outside.has(next) {
            let stays = self.reader.is_away || self.reader.edits.is_some();
            if stays && self.window.len() >= limit {
                return self.end_here();
            }
            self.window.extend(self.outside.take(next));
            next = next.next();
        }
        if self.outside.has_lost(next) {
            self.end_here();
        } else if self.window.len() > limit {
            self.drop_oldest(limit - STEP);
        }
    }
}

#[cfg(test)]
mod tests;
