//! What stands in the list of messages: messages, grouped by author, between day separators and the "New" divider.
//!
//! Pure. A row's key stays the same as long as it is the same thing, also when a pending message is confirmed.

use std::sync::Arc;

use shared::ids::{MessageId, Seq};
use shared::messages::Message;
use shared::replies::Quote;

use crate::state::messages::Delivery;
use crate::state::reactions::Chip;

/// Messages of one author this close together share one name and one time.
pub const GROUP_MILLIS: i64 = 5 * 60 * 1_000;

/// Which row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKey {
    /// The separator before a local day.
    Day(i64),
    /// The divider before the first unread message.
    New,
    /// A message.
    Message(MessageId),
}

impl RowKey {
    /// The key as a number: ids are UUIDs of version 7, which are far greater than any day and smaller than the last.
    pub fn number(self) -> u128 {
        match self {
            Self::Day(day) => u128::from(day.unsigned_abs()),
            Self::New => u128::MAX,
            Self::Message(id) => id.0.as_u128(),
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// The separator before a local day: the time of the day's first message.
    Day {
        /// The local day's number.
        day: i64,
        /// Milliseconds since the Unix epoch.
        unix_millis: i64,
    },
    /// The divider before the first unread message.
    New,
    /// A message.
    Message(MessageRow),
}

/// A message as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// The message.
    pub message: Arc<Message>,
    /// Whether it is sent.
    pub delivery: Delivery,
    /// Whether it opens a group, and so shows who wrote it.
    pub opens_group: bool,
    /// What stands beside the text.
    pub beside: Beside,
}

/// What belongs to a message and is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The beginning of the message that it answers.
    pub quote: Option<Arc<Quote>>,
    /// How many replies it has.
    pub replies: u32,
    /// The reactions.
    pub chips: Vec<Chip>,
}

impl Row {
    /// Which row it is.
    pub fn key(&self) -> RowKey {
        match self {
            Self::Day { day, .. } => RowKey::Day(*day),
            Self::New => RowKey::New,
            Self::Message(row) => RowKey::Message(row.message.id),
        }
    }
}

/// The rows of stored messages and of those that are not acknowledged yet. `new_after` is the last message that had been
/// read when the user entered; `local_day` numbers the user's days; `beside` says what belongs to a message.
pub fn rows(
    stored: &[Arc<Message>],
    unsent: &[(Arc<Message>, Delivery)],
    new_after: Option<Seq>,
    local_day: impl Fn(i64) -> i64,
    beside: impl Fn(&Message) -> Beside,
) -> Vec<Row> {
    let sent = stored.iter().map(|message| (message, Delivery::Sent));
    // A message may be stored and still in the outbox.
    let unsent = unsent.iter().filter(|(message, _)| !stored.iter().rev().any(|it| it.id == message.id));
    let unsent = unsent.map(|(message, delivery)| (message, delivery.clone()));

    let mut rows = Vec::with_capacity(stored.len() + 8);
    let mut previous: Option<(&Arc<Message>, i64)> = None;
    for (message, delivery) in sent.chain(unsent) {
        let unix_millis = message.created_at.unix_millis();
        let day = local_day(unix_millis);
        // A clock that was set back makes no second separator.
        let new_day = previous.is_none_or(|(_, previous_day)| day > previous_day);
        if new_day {
            rows.push(Row::Day { day, unix_millis });
        }
        let is_sent = delivery == Delivery::Sent;
        let first_new = is_sent
            && new_after.is_some_and(|seen| {
                message.seq > seen && previous.is_none_or(|(before, _)| before.seq <= seen)
            })
            // At the window's upper edge the first unread one may lie further up.
            && (previous.is_some() || new_after.map(Seq::next) == Some(message.seq));
        if first_new {
            rows.push(Row::New);
        }
        let joins = previous.is_some_and(|(before, _)| {
            before.author.id == message.author.id
                && before.author.username == message.author.username
                && unix_millis - before.created_at.unix_millis() < GROUP_MILLIS
        });
        let opens_group = new_day || first_new || !joins || message.reply_to.is_some();
        let beside = beside(message);
        rows.push(Row::Message(MessageRow { message: message.clone(), delivery, opens_group, beside }));
        previous = Some((message, previous.map_or(day, |(_, previous_day)| day.max(previous_day))));
    }
    rows
}

#[cfg(test)]
mod tests {
    use shared::messages::{Author, MessagePage};
    use shared::timestamp::Timestamp;

    use super::*;
    use crate::state::messages::Timeline;
    use crate::state::samples::{NOON, message, message_id, page, user};

    fn bare(_: &Message) -> Beside {
        Beside::default()
    }

    const DAY: i64 = 24 * 60 * 60 * 1_000;

    /// The rows in short: `day`, `new`, `+n` for a message that opens a group, `n` for one that does not.
    fn shape(messages: Vec<Message>, new_after: Option<i64>) -> String {
        let mut timeline = Timeline::default();
        timeline.show(page(messages));
        let rows = rows(timeline.messages(), &[], new_after.map(Seq), |millis| millis.div_euclid(DAY), bare);
        let words = rows.iter().map(|row| match row {
            Row::Day { .. } => "day".to_owned(),
            Row::New => "new".to_owned(),
            Row::Message(row) if row.opens_group => format!("+{}", row.message.seq),
            Row::Message(row) => row.message.seq.to_string(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn at(seq: i64, millis: i64, author: u8) -> Message {
        Message {
            created_at: Timestamp::from_unix_millis(NOON + millis).unwrap(),
            author: Author::from(&user(author, "somebody")),
            ..message(seq, seq)
        }
    }

    #[test]
    fn messages_of_one_author_within_five_minutes_are_one_group() {
        let messages = vec![at(1, 0, 1), at(2, 60_000, 1), at(3, 61_000, 2), at(4, 62_000 + GROUP_MILLIS, 2)];
        assert_eq!(shape(messages, None), "day +1 2 +3 +4");
    }

    #[test]
    fn a_reply_opens_a_group_so_that_one_sees_who_answers() {
        let reply_to = Some(shared::replies::ReplyTo { id: message_id(1), root_id: message_id(1) });
        assert_eq!(
            shape(vec![at(1, 0, 1), Message { reply_to, ..at(2, 1, 1) }, at(3, 2, 1)], None),
            "day +1 +2 3"
        );
    }

    #[test]
    fn a_day_begins_with_its_separator_and_a_new_group() {
        assert_eq!(shape(vec![at(1, DAY / 2 - 1, 1), at(2, DAY / 2, 1)], None), "day +1 day +2");
    }

    #[test]
    fn the_divider_stands_before_the_first_unread_message() {
        let messages = vec![at(1, 0, 1), at(2, 1, 1), at(3, 2, 1)];
        assert_eq!(shape(messages.clone(), Some(1)), "day +1 new +2 3");
        assert_eq!(shape(messages.clone(), Some(3)), "day +1 2 3");
        assert_eq!(shape(messages, Some(0)), "day new +1 2 3");
    }

    #[test]
    fn without_the_message_before_it_the_divider_waits_for_older_pages() {
        assert_eq!(shape(vec![at(8, 0, 1), at(9, 1, 1)], Some(3)), "day +8 9");
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_second_separator() {
        assert_eq!(shape(vec![at(1, DAY, 1), at(2, 0, 2), at(3, DAY, 2)], None), "day +1 +2 +3");
    }

    fn pending(number: i64) -> (Arc<Message>, Delivery) {
        (Arc::new(Message { seq: Seq::ZERO, ..message(number, 0) }), Delivery::Pending)
    }

    #[test]
    fn a_pending_message_keeps_its_key_when_it_is_confirmed_and_is_never_there_twice() {
        let mut timeline = Timeline::default();
        timeline.show(page(vec![]));
        let unsent = [pending(1)];
        let before = rows(timeline.messages(), &unsent, None, |_| 0, bare).pop().unwrap();
        timeline.apply(message(1, 1));
        let after = rows(timeline.messages(), &unsent, None, |_| 0, bare);
        assert_eq!(after.len(), 2, "a day and one message");
        assert_eq!(after[1].key(), before.key());
        assert_ne!(after[1], before);
    }

    #[test]
    fn what_was_sent_is_shown_also_beside_an_old_part_of_the_history() {
        let mut timeline = Timeline::default();
        let newer = Some(shared::page::Cursor("newer".to_owned()));
        timeline.show(MessagePage { next_cursor: newer, ..page(vec![message(1, 1)]) });
        let rows = rows(timeline.messages(), &[pending(9)], None, |_| 0, bare);
        assert_eq!(rows.last().map(Row::key), Some(RowKey::Message(message_id(9))));
    }
}
