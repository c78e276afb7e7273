//! A room's timeline: a window of messages without holes.
//!
//! Pure. Pages, live events, replays and replies all come through `insert`-like doors that may be used in any order
//! and more than once: of two copies of a message the one with the higher `rev` stays.

use std::collections::HashMap;
use std::sync::Arc;

use shared::ids::{MessageId, Seq};
use shared::messages::Message;
use shared::page::{Cursor, Page};
use shared::timestamp::Timestamp;

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

/// What one reads of a room. It is empty until its first page comes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// Without holes: the seq of each is one more than that of the one before.
    window: Vec<Arc<Message>>,
    /// What came in about messages outside the window; taken in when the window gets there.
    outside: HashMap<Seq, Arc<Message>>,
    older: Option<Cursor>,
    newer: Option<Cursor>,
    loaded: bool,
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
    pub fn older(&self) -> Option<&Cursor> {
        self.older.as_ref()
    }

    /// Leads to newer messages; `None` when the newest is at hand.
    pub fn newer(&self) -> Option<&Cursor> {
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

    /// Shows this page instead of what was shown: the newest one, or one around a message.
    pub fn show(&mut self, page: Page<Message>) {
        for message in std::mem::take(&mut self.window) {
            self.keep_outside(message);
        }
        self.window = page.items.into_iter().map(|message| self.newest_copy(message)).collect();
        self.older = page.prev_cursor;
        self.newer = page.next_cursor;
        self.loaded = true;
        self.extend();
    }

    /// Adds the page before the window.
    pub fn prepend(&mut self, page: Page<Message>) {
        let joins = match (page.items.last(), self.window.first()) {
            (Some(last), Some(first)) => last.seq.next() == first.seq,
            _ => true,
        };
        if joins {
            let older = page.items.into_iter().map(|message| self.newest_copy(message)).collect::<Vec<_>>();
            self.window.splice(0..0, older);
            self.older = page.prev_cursor;
        }
    }

    /// Adds the page after the window.
    pub fn append(&mut self, page: Page<Message>) {
        let next = self.window.last().map_or(Seq::ZERO, |message| message.seq).next();
        let newer = page.items.into_iter().filter(|message| message.seq >= next).collect::<Vec<_>>();
        if newer.first().is_none_or(|message| message.seq == next) {
            for message in newer {
                let message = self.newest_copy(message);
                self.window.push(message);
            }
            self.newer = page.next_cursor;
            self.extend();
        }
    }

    /// Takes in a message however it came: a live event, a replay, a reply.
    pub fn apply(&mut self, message: Message) {
        let message = Arc::new(message);
        match self.place(message.seq) {
            Some(place) if self.window[place].rev <= message.rev => self.window[place] = message,
            Some(_) => {}
            None => {
                self.keep_outside(message);
                self.extend();
            }
        }
    }

    /// Shows a message as deleted before the server's event says so.
    pub fn mark_deleted(&mut self, id: MessageId, now: Timestamp) {
        if let Some(message) = self.window.iter_mut().find(|message| message.id == id) {
            let message = Arc::make_mut(message);
            message.text = None;
            message.deleted_at = Some(now);
        }
    }

    /// Lets go of all but the newest messages, when one leaves the room.
    pub fn trim(&mut self, keep: usize) {
        if !self.is_at_newest() {
            self.window.clear();
            self.outside.clear();
            self.loaded = false;
        } else if self.window.len() > keep {
            // There is no cursor for the new beginning, so the next visit loads its page afresh.
            self.window.drain(..self.window.len() - keep);
            self.older = None;
            self.loaded = false;
        }
    }

    /// The window's index of a seq: it has no holes, so a subtraction finds it.
    fn place(&self, seq: Seq) -> Option<usize> {
        let first = self.window.first()?.seq;
        let place = usize::try_from(seq.0 - first.0).ok()?;
        (place < self.window.len()).then_some(place)
    }

    fn keep_outside(&mut self, message: Arc<Message>) {
        let kept = self.outside.entry(message.seq).or_insert_with(|| message.clone());
        if kept.rev < message.rev {
            *kept = message;
        }
    }

    fn newest_copy(&mut self, message: Message) -> Arc<Message> {
        match self.outside.remove(&message.seq) {
            Some(kept) if kept.rev > message.rev => kept,
            _ => Arc::new(message),
        }
    }

    /// Takes in what came live and follows the window's end, when that is where the room ends.
    fn extend(&mut self) {
        if !self.is_at_newest() {
            return;
        }
        let mut next = self.window.last().map_or(Seq::ZERO, |message| message.seq).next();
        while let Some(message) = self.outside.remove(&next) {
            self.window.push(message);
            next = next.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::*;
    use crate::state::samples::{NOON, message};

    fn cursor(text: Option<&str>) -> Option<Cursor> {
        text.map(|text| Cursor(text.to_owned()))
    }

    fn page(seqs: RangeInclusive<i64>, older: Option<&str>, newer: Option<&str>) -> Page<Message> {
        Page {
            items: seqs.map(|seq| message(seq, seq)).collect(),
            next_cursor: cursor(newer),
            prev_cursor: cursor(older),
        }
    }

    fn shown(page: Page<Message>) -> Timeline {
        let mut timeline = Timeline::default();
        timeline.show(page);
        timeline
    }

    fn seqs(timeline: &Timeline) -> Vec<i64> {
        timeline.messages().iter().map(|message| message.seq.0).collect()
    }

    #[test]
    fn pages_join_in_both_directions() {
        let mut timeline = shown(page(11..=13, Some("older"), Some("newer")));
        timeline.prepend(page(8..=10, None, Some("x")));
        timeline.append(page(14..=15, Some("x"), None));
        assert_eq!(seqs(&timeline), [8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(timeline.older(), None);
        assert!(timeline.is_at_newest());
    }

    #[test]
    fn a_page_that_does_not_join_is_not_taken_in() {
        let mut timeline = shown(page(11..=13, Some("older"), None));
        timeline.prepend(page(1..=5, None, None));
        assert_eq!(seqs(&timeline), [11, 12, 13]);
        assert!(timeline.older().is_some());
    }

    #[test]
    fn what_comes_live_before_the_page_is_not_lost() {
        let mut timeline = Timeline::default();
        timeline.apply(message(4, 4));
        timeline.apply(message(2, 5));
        timeline.show(page(1..=3, None, None));
        assert_eq!(seqs(&timeline), [1, 2, 3, 4]);
        assert_eq!(timeline.messages()[1].rev.0, 5, "the page's copy is the older one");
    }

    #[test]
    fn a_message_that_comes_twice_is_there_once_and_the_higher_rev_stays() {
        let mut timeline = shown(page(1..=2, None, None));
        timeline.apply(message(3, 3));
        timeline.apply(message(3, 7));
        timeline.apply(message(3, 3));
        assert_eq!(seqs(&timeline), [1, 2, 3]);
        assert_eq!(timeline.messages()[2].rev.0, 7);
    }

    #[test]
    fn a_replay_by_rev_may_bring_a_later_message_first() {
        let mut timeline = shown(page(1..=2, None, None));
        timeline.apply(message(4, 4));
        assert_eq!(seqs(&timeline), [1, 2], "no hole is shown");
        timeline.apply(message(3, 5));
        assert_eq!(seqs(&timeline), [1, 2, 3, 4]);
    }

    #[test]
    fn a_message_far_from_the_window_waits_until_the_window_gets_there() {
        let mut timeline = shown(page(1..=3, None, Some("newer")));
        timeline.apply(message(5, 9));
        timeline.apply(message(6, 6));
        assert_eq!(seqs(&timeline), [1, 2, 3]);
        timeline.append(page(4..=5, None, None));
        assert_eq!(seqs(&timeline), [1, 2, 3, 4, 5, 6]);
        assert_eq!(timeline.messages()[4].rev.0, 9);
    }

    #[test]
    fn a_change_while_the_older_page_is_on_its_way_wins_over_the_page() {
        let mut timeline = shown(page(11..=13, Some("older"), None));
        timeline.apply(Message { text: None, ..message(9, 40) });
        timeline.prepend(page(8..=10, None, None));
        assert_eq!(timeline.messages()[1].text, None);
    }

    #[test]
    fn a_tombstone_stays_in_its_place() {
        let mut timeline = shown(page(1..=3, None, None));
        let gone = Timestamp::from_unix_millis(NOON);
        timeline.apply(Message { text: None, deleted_at: gone, ..message(2, 9) });
        assert_eq!(seqs(&timeline), [1, 2, 3]);
        assert_eq!(timeline.messages()[1].text, None);
    }

    #[test]
    fn the_first_message_of_an_empty_room_is_shown() {
        let mut timeline = shown(Page { items: vec![], next_cursor: None, prev_cursor: None });
        assert_eq!(seqs(&timeline), [0; 0]);
        timeline.apply(message(1, 1));
        assert_eq!(seqs(&timeline), [1]);
    }
}
