//! Ids that clients choose: a repeated send is harmless, a reused id is refused.

use serde_json::json;
use shared::errors::ErrorCode;
use shared::events::{MessageChange, ServerEvent};
use shared::messages::{Message, messages_path};
use shared::text::InvalidCode;
use support::app::TestApp;
use support::builders::new_message_id;
use support::socket::TestSocket;

fn created(event: &ServerEvent) -> Option<MessageChange> {
    if let ServerEvent::MessageCreated(change) = event { Some(change.clone()) } else { None }
}

#[test]
fn an_id_that_the_client_chose_is_kept_in_lower_case() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let id = new_message_id();
    let body = json!({ "text": "hello", "id": id.to_string().to_uppercase() });
    let answer = alice.post(&messages_path(room.id), &body).expect(201);
    assert_eq!(answer.value()["id"], id.to_string());
}

#[test]
fn an_invalid_id_is_reported_with_its_pointer() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let path = messages_path(room.id);
    alice
        .post(&path, &json!({ "text": "hello", "id": "mine" }))
        .invalid(&[("/id", InvalidCode::InvalidFormat)]);
    alice.post(&path, &json!({ "text": "hello", "id": 7 })).invalid(&[("/id", InvalidCode::InvalidType)]);
    alice.post(&path, &json!({ "text": "hello", "id": null })).invalid(&[("/id", InvalidCode::InvalidType)]);
    let problem =
        alice.post(&path, &json!({ "text": "x", "id": "mine" })).problem(422, ErrorCode::ValidationFailed);
    let mut pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/id", "/text"], "all that is wrong is said at once");
}

#[test]
fn a_repeat_returns_the_stored_message_and_changes_nothing() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut grace = TestSocket::connect(&app.guest("Grace"));
    grace.subscribe(room.id);
    let body = json!({ "text": "hello", "id": new_message_id() });
    let first: Message = alice.post(&messages_path(room.id), &body).expect(201).json();
    assert_eq!(grace.expect(created).message, first);
    for _ in 0..3 {
        assert_eq!(alice.post(&messages_path(room.id), &body).expect(200).json::<Message>(), first);
    }
    grace.assert_quiet();
    let room = alice.room(room.id);
    assert_eq!((room.last_seq, room.rev), (first.seq, first.rev));
}

#[test]
fn of_many_concurrent_repeats_one_creates() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut grace = TestSocket::connect(&app.guest("Grace"));
    grace.subscribe(room.id);
    let body = json!({ "text": "hello", "id": new_message_id() });
    let path = messages_path(room.id);
    let answers: Vec<(u16, Message)> = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    let answer = alice.post(&path, &body);
                    (answer.status, answer.json())
                })
            })
            .collect();
        attempts.into_iter().map(|attempt| attempt.join().expect("an answer")).collect()
    });
    assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1);
    assert!(answers.iter().all(|(status, message)| matches!(status, 200 | 201) && *message == answers[0].1));
    assert_eq!(grace.expect(created).message, answers[0].1);
    grace.assert_quiet();
    assert_eq!(alice.room(room.id).last_seq.0, 1);
}

#[test]
fn a_repeat_after_an_edit_does_not_undo_it() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let body = json!({ "text": "hello", "id": new_message_id() });
    let first: Message = alice.post(&messages_path(room.id), &body).expect(201).json();
    let edited = alice.edit(&first, "hello again");
    assert_eq!(alice.post(&messages_path(room.id), &body).expect(200).json::<Message>(), edited);
    assert_eq!(alice.message(room.id, first.id), edited);
}

#[test]
fn a_repeat_after_deletion_returns_the_tombstone() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let body = json!({ "text": "hello", "id": new_message_id() });
    let first: Message = alice.post(&messages_path(room.id), &body).expect(201).json();
    alice.delete_message(&first);
    let repeated: Message = alice.post(&messages_path(room.id), &body).expect(200).json();
    assert_eq!(repeated, alice.message(room.id, first.id));
    assert_eq!(repeated.text, None);
}

#[test]
fn an_id_cannot_be_used_for_another_text_or_room_or_by_another_author() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let other_room = alice.create_room("other room");
    let id = new_message_id();
    let body = json!({ "text": "a secret text", "id": id });
    let first: Message = alice.post(&messages_path(room.id), &body).expect(201).json();

    let other_text = json!({ "text": "other text", "id": id });
    alice.post(&messages_path(room.id), &other_text).problem(409, ErrorCode::MessageIdReused);
    alice.post(&messages_path(other_room.id), &body).problem(409, ErrorCode::MessageIdReused);
    for path in [messages_path(room.id), messages_path(other_room.id)] {
        for body in [&body, &other_text] {
            let answer = app.guest("Grace").post(&path, body);
            answer.problem(409, ErrorCode::MessageIdReused);
            let disclosed = answer.text();
            for secret in ["a secret text", "Alice", &alice.user().id.to_string(), &room.id.to_string()] {
                assert!(!disclosed.contains(secret), "{disclosed}");
            }
        }
    }
    assert_eq!(alice.whole_history(room.id), [first]);
    assert_eq!(alice.room(other_room.id).last_seq.0, 0);
}
