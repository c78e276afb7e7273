//! Pages, live messages and the window that is kept of them.

use std::ops::RangeInclusive;

use super::*;
use crate::state::samples::{self, NOON, message};

fn cursor(text: Option<&str>) -> Option<Cursor> {
    text.map(|text| Cursor(text.to_owned()))
}

fn page(seqs: RangeInclusive<i64>, older: Option<&str>, newer: Option<&str>) -> MessagePage {
    MessagePage {
        next_cursor: cursor(newer),
        prev_cursor: cursor(older),
        ..samples::page(seqs.map(|seq| message(seq, seq)).collect())
    }
}

fn shown(page: MessagePage) -> Timeline {
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
    let mut timeline = shown(samples::page(vec![]));
    assert_eq!(seqs(&timeline), [0; 0]);
    timeline.apply(message(1, 1));
    assert_eq!(seqs(&timeline), [1]);
}

fn beside(seq: i64) -> Option<Edge> {
    Some(Edge::Message(crate::state::samples::message_id(seq)))
}

/// The first and the last message, when there is no hole.
fn ends(timeline: &Timeline) -> (i64, i64) {
    let seqs = seqs(timeline);
    let (first, last) = (seqs[0], seqs[seqs.len() - 1]);
    assert_eq!(seqs, (first..=last).collect::<Vec<_>>());
    (first, last)
}

#[test]
fn a_page_at_one_end_drops_messages_at_the_other() {
    let mut timeline = shown(page(881..=1_000, Some("older"), None));
    timeline.prepend(page(851..=880, Some("older still"), Some("x")));
    assert_eq!(ends(&timeline), (851, 970));
    assert_eq!(timeline.newer(), beside(970).as_ref());
    timeline.apply(message(1_001, 1_001));
    assert_eq!(ends(&timeline), (851, 970));
    // A page around the last message has what follows it.
    timeline.append(page(941..=1_000, Some("x"), None));
    assert_eq!(ends(&timeline), (912, 1_001), "the live message was not forgotten");
    assert_eq!((timeline.older(), timeline.is_at_newest()), (beside(912).as_ref(), true));
    timeline.prepend(page(882..=941, Some("older"), Some("x")));
    assert_eq!(ends(&timeline), (882, 1_001));
}

#[test]
fn live_messages_drop_the_oldest_unless_the_user_reads_them() {
    let mut timeline = shown(page(1..=30, None, None));
    for seq in 31..=1_000 {
        timeline.apply(message(seq, seq));
        assert!(timeline.messages().len() <= WINDOW);
    }
    assert!(timeline.is_at_newest());
    let (first, last) = ends(&timeline);
    assert_eq!((last, timeline.older()), (1_000, beside(first).as_ref()));

    timeline.set_reader(Reader { is_away: true, ..Reader::default() });
    for seq in 1_001..=1_500 {
        timeline.apply(message(seq, seq));
    }
    assert_eq!(timeline.messages().len(), WINDOW);
    assert_eq!(ends(&timeline).0, first, "what the user reads stays");
    assert!(!timeline.is_at_newest());
}

#[test]
fn the_message_that_is_edited_stays() {
    let mut timeline = shown(page(881..=1_000, Some("older"), None));
    let edits = Some(crate::state::samples::message_id(999));
    timeline.set_reader(Reader { edits, ..Reader::default() });
    timeline.prepend(page(851..=880, Some("older still"), Some("x")));
    assert_eq!(ends(&timeline), (851, 1_000));
}

#[test]
fn what_waits_outside_of_the_window_is_limited_and_what_is_lost_is_loaded_again() {
    let mut timeline = shown(page(1..=30, None, Some("newer")));
    for seq in 31..=5_000 {
        timeline.apply(message(seq, seq));
    }
    assert!(timeline.outside.len() <= 1_000);
    // The page may be as old as its request.
    timeline.append(page(31..=60, Some("x"), None));
    assert_eq!(ends(&timeline), (1, 60));
    assert_eq!(timeline.newer(), beside(60).as_ref(), "not the end, although the page says so");
}
