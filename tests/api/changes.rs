//! `changes?since`: all missed changes, each message once in its current state.

use shared::errors::ErrorCode;
use shared::ids::Rev;
use shared::messages::{Changes, Message, changes_path};
use support::app::TestApp;
use support::builders::{seqs, unknown_room_id};

#[test]
fn changes_since_zero_are_all_messages_by_their_latest_change() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let messages = alice.send_many(room.id, 4);
    let edited = alice.edit(&messages[0], "edited");
    alice.delete_message(&messages[1]);
    let renamed = alice.rename_room(room.id, "renamed");
    let changes = alice.changes(room.id, room.rev);
    assert_eq!(seqs(&changes.messages), [3, 4, 1, 2]);
    assert_eq!(changes.messages[2], edited);
    assert_eq!((changes.messages[3].text.as_ref(), changes.messages[3].seq), (None, messages[1].seq));
    assert_eq!((changes.room.name, changes.room.rev), (renamed.name, renamed.rev));
    assert_eq!((changes.rev, changes.has_more), (renamed.rev, false));
    assert!(changes.messages.is_sorted_by_key(|message| message.rev));
}

#[test]
fn changes_since_the_latest_change_are_empty() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let changes = alice.changes(room.id, message.rev);
    assert_eq!(changes.messages, []);
    assert_eq!((changes.rev, changes.has_more), (message.rev, false));
}

#[test]
fn a_rename_increments_the_rev() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let renamed = alice.rename_room(room.id, "renamed");
    let changes = alice.changes(room.id, room.rev);
    assert_eq!((changes.messages.len(), changes.rev), (0, renamed.rev));
    assert_eq!(changes.room.name.as_str(), "renamed");
}

#[test]
fn changes_come_in_pages_that_end_at_the_rev_of_the_room() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let messages = alice.send_many(room.id, 10);
    alice.edit(&messages[2], "edited");
    alice.delete_message(&messages[9]);
    let now = alice.room(room.id);
    for limit in [1, 3, 9, 10, 11, 100] {
        let mut since = room.rev;
        let mut seen: Vec<Message> = Vec::new();
        loop {
            let path = format!("{}?since={since}&limit={limit}", changes_path(room.id));
            let changes: Changes = alice.get(&path).expect(200).json();
            assert!(changes.messages.len() <= limit, "{changes:?}");
            assert!(changes.messages.iter().all(|message| message.rev > since && message.rev <= changes.rev));
            assert!(changes.rev > since || !changes.has_more, "it moves on: {changes:?}");
            seen.extend(changes.messages);
            since = changes.rev;
            if !changes.has_more {
                break;
            }
        }
        assert_eq!(since, now.rev, "limit {limit}");
        seen.sort_by_key(|message| message.seq);
        assert_eq!(seen, alice.whole_history(room.id), "limit {limit}");
    }
}

#[test]
fn since_must_be_a_valid_rev() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for since in ["-1", "x", "", "1.5", "99999999999999999999999"] {
        let answer = alice.get(&format!("{}?since={since}", changes_path(room.id)));
        let problem = answer.problem(422, ErrorCode::ValidationFailed);
        let pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/since"], "since={since}");
    }
}

#[test]
fn an_unknown_room_has_no_changes() {
    let app = TestApp::start();
    let answer = app.anonymous().get(&format!("{}?since={}", changes_path(unknown_room_id()), Rev::ZERO));
    answer.problem(404, ErrorCode::RoomNotFound);
}
