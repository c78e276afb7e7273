//! The outbox: what was written and is not acknowledged, for all rooms, in order, each message under its id.
//!
//! Pure. A room's messages go out one at a time. A passing failure blocks the room's queue, so that nothing overtakes;
//! a refusal fails its message and lets the next one go. An entry leaves by its id, whatever confirms it.

mod entry;

use std::collections::HashMap;

use shared::ids::{MessageId, RoomId, UserId};
use shared::timestamp::Timestamp;

pub use self::entry::{Entry, Words, parse_key};
use crate::state::backoff;

/// The tab in which a message was written sends it. Another tab takes over when it makes no progress for this long.
const GRACE_MILLIS: i64 = 5_000;

/// The state of one room's queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Queue {
    /// Whether an attempt is being made.
    is_busy: bool,
    /// How many attempts in a row did not get through.
    failures: u32,
    /// When the next attempt may be made.
    not_before: i64,
}

/// Everything that is not acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// In the order of writing.
    entries: Vec<Entry>,
    queues: HashMap<RoomId, Queue>,
}

impl Outbox {
    /// All entries, in the order of writing.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of that id.
    pub fn get(&self, id: MessageId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// What this user has written to a room, or whoever it is while that is not known.
    pub fn in_room(&self, room_id: RoomId, user: Option<UserId>) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.room_id == room_id && (entry.owner.is_none() || entry.owner == user))
    }

    /// Whether there is anything for this room.
    pub fn has_room(&self, room_id: RoomId) -> bool {
        self.entries.iter().any(|entry| entry.room_id == room_id)
    }

    /// Whether something of this user is to be sent.
    pub fn is_waiting(&self, user: Option<UserId>) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.failure.is_none() && (entry.owner.is_none() || entry.owner == user))
    }

    /// Adds what was just written.
    pub fn push(
        &mut self,
        id: MessageId,
        room_id: RoomId,
        owner: Option<UserId>,
        words: Words,
        now: Timestamp,
    ) {
        let place = self.entries.last().map_or(0, |entry| entry.place) + 1;
        let (failure, not_before) = (None, 0);
        self.entries.push(Entry { id, room_id, owner, words, created_at: now, failure, not_before, place });
    }

    /// Adds an entry that an earlier page of this browser has kept, or replaces the copy that is here.
    pub fn insert(&mut self, entry: Entry) {
        self.insert_until(entry, 0);
    }

    /// Adds an entry that another tab has written and sends, or replaces the copy that is here.
    pub fn insert_foreign(&mut self, entry: Entry, now: i64) {
        self.insert_until(entry, now + GRACE_MILLIS);
    }

    fn insert_until(&mut self, mut entry: Entry, not_before: i64) {
        entry.not_before = self.get(entry.id).map_or(not_before, |known| known.not_before);
        self.entries.retain(|known| known.id != entry.id);
        let order = (entry.place, entry.id);
        let place = self.entries.partition_point(|known| (known.place, known.id) < order);
        self.entries.insert(place, entry);
    }

    /// A message is stored, or given up. Returns whether it was here.
    pub fn remove(&mut self, id: MessageId) -> bool {
        let count = self.entries.len();
        self.entries.retain(|entry| entry.id != id);
        self.entries.len() < count
    }

    /// A room is gone. Returns how many messages to it will never be sent.
    pub fn remove_room(&mut self, room_id: RoomId) -> usize {
        let count = self.entries.len();
        self.entries.retain(|entry| entry.room_id != room_id);
        count - self.entries.len()
    }

    /// The client knows now who the user is: what was written before belongs to them, and what they had written under
    /// the identity that this one replaces.
    pub fn claim(&mut self, user: UserId, predecessor: Option<UserId>) {
        for entry in &mut self.entries {
            if entry.owner.is_none() || entry.owner == predecessor {
                entry.owner = Some(user);
            }
        }
    }

    /// Whether `start` would return a room.
    pub fn is_due(&self, user: UserId, now: i64) -> bool {
        self.due_room(user, now).is_some()
    }

    /// The rooms to which a message is to be sent now. Their queues are busy from here on, until `finish`.
    pub fn start(&mut self, user: UserId, now: i64) -> Vec<RoomId> {
        let mut rooms = Vec::new();
        while let Some(room_id) = self.due_room(user, now) {
            rooms.push(room_id);
            self.queues.entry(room_id).or_default().is_busy = true;
        }
        rooms
    }

    /// The message that is the next to be sent to a room, unless it is for another tab to send.
    pub fn next(&self, room_id: RoomId, user: UserId, now: i64) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.room_id == room_id && entry.owner == Some(user) && entry.failure.is_none())
            .filter(|entry| entry.not_before <= now)
    }

    /// The attempt is over, and the next one may be made at once.
    pub fn finish(&mut self, room_id: RoomId) {
        self.queues.remove(&room_id);
    }

    /// The attempt did not get through. The next one is made after a while, and not before the server wants it.
    pub fn postpone(&mut self, room_id: RoomId, now: i64, random: f64, retry_after_millis: i64) {
        let queue = self.queues.entry(room_id).or_default();
        let wait = backoff::wait_millis(queue.failures, random).max(retry_after_millis);
        *queue = Queue { is_busy: false, failures: queue.failures + 1, not_before: now + wait };
    }

    /// Another tab got something through to this room, so its queue need not wait any longer, and that tab goes on.
    pub fn release(&mut self, room_id: RoomId, now: i64) {
        if self.queues.get(&room_id).is_some_and(|queue| !queue.is_busy) {
            self.queues.remove(&room_id);
        }
        self.leave_to_others(now, |entry| entry.room_id == room_id);
    }

    /// The connection is back: no queue waits any longer. Neither do those of the other tabs.
    pub fn wake(&mut self, now: i64) {
        self.queues.retain(|_, queue| queue.is_busy);
        self.leave_to_others(now, |_| true);
    }

    /// Gives the tabs that wrote these entries time to send them.
    fn leave_to_others(&mut self, now: i64, is_meant: impl Fn(&Entry) -> bool) {
        let foreign = |entry: &&mut Entry| entry.not_before > 0 && is_meant(entry);
        for entry in self.entries.iter_mut().filter(foreign) {
            entry.not_before = now + GRACE_MILLIS;
        }
    }

    /// The server refused a message for good.
    pub fn refuse(&mut self, id: MessageId, detail: String) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            entry.failure = Some(detail);
        }
    }

    /// Sends a refused message again, under the same id, from this tab.
    pub fn retry(&mut self, id: MessageId) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == id) {
            (entry.failure, entry.not_before) = (None, 0);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    fn due_room(&self, user: UserId, now: i64) -> Option<RoomId> {
        let is_free = |queue: &Queue| !queue.is_busy && queue.not_before <= now;
        let is_due = |room_id: &RoomId| {
            self.queues.get(room_id).is_none_or(is_free) && self.next(*room_id, user, now).is_some()
        };
        self.entries.iter().map(|entry| entry.room_id).find(is_due)
    }
}

#[cfg(test)]
mod tests {
    use shared::files::{AltText, Attachment};
    use shared::messages::Author;
    use shared::replies::ReplyTo;

    use super::*;
    use crate::state::messages::Delivery;
    use crate::state::samples::{NOON, file, image, message_id, room_id, user};

    fn me() -> UserId {
        user(1, "adam").id
    }

    fn write(outbox: &mut Outbox, number: i64, room: u8, owner: Option<UserId>) {
        let now = Timestamp::from_unix_millis(NOON).unwrap();
        let words = Words { text: format!("message {number}"), ..Words::default() };
        outbox.push(message_id(number), room_id(room), owner, words, now);
    }

    /// An outbox with messages 1 and 2 to room 1 and message 3 to room 2.
    fn three() -> Outbox {
        let mut outbox = Outbox::default();
        for (number, room) in [(1, 1), (2, 1), (3, 2)] {
            write(&mut outbox, number, room, Some(me()));
        }
        outbox
    }

    fn next(outbox: &Outbox, room: u8) -> Option<MessageId> {
        outbox.next(room_id(room), me(), NOON).map(|entry| entry.id)
    }

    fn ids(outbox: &Outbox) -> Vec<MessageId> {
        outbox.entries().iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn each_room_sends_one_message_at_a_time_in_order() {
        let mut outbox = three();
        assert_eq!(outbox.start(me(), NOON), [room_id(1), room_id(2)]);
        assert_eq!(outbox.start(me(), NOON), vec![], "both are busy");
        assert_eq!(next(&outbox, 1), Some(message_id(1)));
        assert!(outbox.remove(message_id(1)));
        outbox.finish(room_id(1));
        assert_eq!(outbox.start(me(), NOON), [room_id(1)]);
        assert_eq!(next(&outbox, 1), Some(message_id(2)));
    }

    #[test]
    fn after_a_passing_failure_nothing_overtakes_and_the_wait_grows() {
        let mut outbox = three();
        outbox.start(me(), NOON);
        outbox.postpone(room_id(1), NOON, 1.0, 0);
        assert!(!outbox.is_due(me(), NOON + 999));
        assert_eq!(outbox.start(me(), NOON + 1_000), [room_id(1)], "the other room is still busy");
        assert_eq!(next(&outbox, 1), Some(message_id(1)), "the same one");
        outbox.postpone(room_id(1), NOON, 1.0, 0);
        assert!(!outbox.is_due(me(), NOON + 1_999));
        assert!(outbox.is_due(me(), NOON + 2_000));
        outbox.postpone(room_id(1), NOON, 1.0, 60_000);
        assert!(!outbox.is_due(me(), NOON + 59_999), "not before the server wants it");
    }

    #[test]
    fn when_the_connection_is_back_everything_goes_out_at_once() {
        let mut outbox = three();
        outbox.start(me(), NOON);
        outbox.postpone(room_id(1), NOON, 1.0, 0);
        outbox.wake(NOON);
        assert_eq!(outbox.start(me(), NOON), [room_id(1)], "but no second attempt beside one that is made");
    }

    #[test]
    fn a_refused_message_fails_and_the_next_one_goes_on() {
        let mut outbox = three();
        outbox.start(me(), NOON);
        outbox.refuse(message_id(1), "Too long.".to_owned());
        outbox.finish(room_id(1));
        assert_eq!(outbox.entries()[0].delivery(), Delivery::Failed { detail: "Too long.".to_owned() });
        assert_eq!(outbox.start(me(), NOON), [room_id(1)]);
        assert_eq!(next(&outbox, 1), Some(message_id(2)));
        outbox.retry(message_id(1));
        assert_eq!(next(&outbox, 1), Some(message_id(1)), "under the same id");
        assert!(outbox.remove(message_id(1)), "or it is discarded");
        assert!(!outbox.remove(message_id(1)));
    }

    #[test]
    fn what_was_written_before_the_user_is_known_is_shown_and_waits_for_them() {
        let mut outbox = Outbox::default();
        write(&mut outbox, 1, 1, None);
        assert_eq!(outbox.in_room(room_id(1), None).count(), 1);
        assert!(!outbox.is_due(me(), NOON));
        assert!(outbox.is_waiting(None));
        outbox.claim(me(), None);
        assert!(outbox.is_due(me(), NOON));
    }

    #[test]
    fn what_one_user_wrote_is_not_sent_and_not_shown_as_another() {
        let mut outbox = three();
        let other = user(2, "grace").id;
        outbox.claim(other, None);
        assert!(!outbox.is_due(other, NOON));
        assert_eq!(outbox.in_room(room_id(1), Some(other)).count(), 0);
        outbox.claim(other, Some(me()));
        assert!(outbox.is_due(other, NOON), "unless they are the same person under a new identity");
    }

    #[test]
    fn an_entry_survives_being_kept_as_text() {
        let mut outbox = three();
        let text = "tab\there\nand \\n there\\".to_owned();
        let now = Timestamp::from_unix_millis(NOON).unwrap();
        let reply_to = Some(ReplyTo { id: message_id(8), root_id: message_id(7) });
        let mentions = vec![me(), user(2, "grace").id];
        outbox.push(
            message_id(4),
            room_id(1),
            None,
            Words { text, mentions: mentions.clone(), ..Words::default() },
            now,
        );
        let described = Attachment { alt: AltText::parse("A\tcat").unwrap(), ..image(1, "a\\b.png") };
        let files = vec![described, file(2, "notes.pdf"), image(3, "dog.png")];
        let words = Words { attachments: files.clone(), reply_to, ..Words::default() };
        outbox.push(message_id(5), room_id(1), None, words, now);
        outbox.push(message_id(6), room_id(1), None, Words { reply_to, mentions, ..Words::default() }, now);
        let sent = outbox.get(message_id(5)).unwrap().message(Author::from(&user(1, "adam")));
        assert_eq!((sent.text.as_deref(), sent.attachments), (Some(""), files));
        outbox.refuse(message_id(2), "Not\tyours.".to_owned());
        for entry in outbox.entries() {
            assert_eq!(Entry::from_text(&entry.key(), &entry.to_text()).as_ref(), Some(entry));
        }
        let (key, cut) = (outbox.entries()[4].key(), outbox.entries()[4].to_text());
        let cut = cut.rsplit_once("\t").unwrap().0.rsplit_once("\t").unwrap().0;
        let cut = cut.rsplit_once("\t").unwrap().0;
        for (key, text) in [("", ""), ("new.1", "1"), (&key, "1\t2\t3\t4\t5"), (&key, cut)] {
            assert_eq!(Entry::from_text(key, text), None);
        }
    }

    #[test]
    fn entries_of_other_tabs_join_in_the_order_of_writing() {
        let mut outbox = Outbox::default();
        let mut kept = three().entries().to_vec();
        kept.reverse();
        for entry in kept.iter().chain(&kept) {
            outbox.insert(entry.clone());
        }
        assert_eq!(ids(&outbox), [message_id(1), message_id(2), message_id(3)]);
        write(&mut outbox, 0, 1, Some(me()));
        assert_eq!(ids(&outbox).last(), Some(&message_id(0)), "whatever the clock says");
    }

    #[test]
    fn a_tab_takes_over_what_another_one_wrote_when_that_makes_no_progress() {
        let mut outbox = Outbox::default();
        for entry in three().entries() {
            outbox.insert_foreign(entry.clone(), NOON);
        }
        write(&mut outbox, 4, 1, Some(me()));
        assert!(!outbox.is_due(me(), NOON + 4_999), "and does not overtake it");
        outbox.wake(NOON + 4_000);
        assert!(!outbox.is_due(me(), NOON + 8_999), "the connection of the other tab is back too");
        outbox.remove(message_id(1));
        outbox.release(room_id(1), NOON + 8_000);
        assert_eq!(outbox.start(me(), NOON + 9_000), [room_id(2)], "in room 1, the other tab goes on");
        outbox.finish(room_id(2));
        outbox.insert(three().entries()[2].clone());
        outbox.wake(NOON + 9_000);
        assert!(!outbox.is_due(me(), NOON + 9_000), "a changed copy is still the other tab's");
        outbox.remove(message_id(2));
        assert_eq!(outbox.start(me(), NOON + 9_000), [room_id(1)], "what this tab wrote need not wait");
        outbox.refuse(message_id(3), "No.".to_owned());
        outbox.retry(message_id(3));
        assert_eq!(outbox.start(me(), NOON + 9_000), [room_id(2)], "the retry is this tab's");
    }

    #[test]
    fn a_room_that_is_gone_takes_its_messages_along() {
        let mut outbox = three();
        assert_eq!(outbox.remove_room(room_id(1)), 2);
        assert_eq!(ids(&outbox), [message_id(3)]);
    }
}
