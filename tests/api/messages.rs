//! Messages: send, read, edit, delete, and the events to a second client.

use serde_json::{Value, json};
use shared::errors::ErrorCode;
use shared::events::{MessageChange, ServerEvent};
use shared::messages::{Message, message_path, messages_path};
use shared::text::InvalidCode;
use shared::users::UserKind;
use support::app::TestApp;
use support::builders::{new_message_id, texts, unknown_room_id};
use support::socket::TestSocket;

use crate::shape::{assert_keys, assert_timestamp, assert_uuid_v7};

fn created(event: &ServerEvent) -> Option<MessageChange> {
    if let ServerEvent::MessageCreated(change) = event { Some(change.clone()) } else { None }
}

fn updated(event: &ServerEvent) -> Option<MessageChange> {
    if let ServerEvent::MessageUpdated(change) = event { Some(change.clone()) } else { None }
}

fn deleted(event: &ServerEvent) -> Option<MessageChange> {
    if let ServerEvent::MessageDeleted(change) = event { Some(change.clone()) } else { None }
}

// reference: messages-compose
#[test]
fn a_sent_message_is_answered_and_reaches_everybody_in_the_room() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut grace = TestSocket::connect(&app.guest("Grace"));
    let mut anonymous = app.socket();
    grace.subscribe(room.id);
    anonymous.subscribe(room.id);

    let answer = alice.post(&messages_path(room.id), &json!({ "text": "  hello, world \n" })).expect(201);
    let body = answer.value();
    assert_keys(
        &body,
        &["author", "created_at", "deleted_at", "edited_at", "id", "rev", "room_id", "seq", "text"],
    );
    assert_keys(&body["author"], &["id", "kind", "username"]);
    assert_uuid_v7(&body["id"]);
    assert_timestamp(&body["created_at"]);
    assert_eq!(body["text"], "hello, world");
    assert_eq!(body["room_id"], room.id.to_string());
    assert_eq!((&body["seq"], &body["rev"]), (&json!(1), &json!(room.rev.0 + 1)));
    assert_eq!((&body["edited_at"], &body["deleted_at"]), (&Value::Null, &Value::Null));
    assert_eq!(body["author"]["id"], alice.user().id.to_string());
    assert_eq!((&body["author"]["username"], &body["author"]["kind"]), (&json!("Alice"), &json!("guest")));

    let message: Message = answer.json();
    let location = answer.header("location").expect("a Location");
    assert!(location.ends_with(&message_path(room.id, message.id)), "{location}");
    let expected = MessageChange::of(message.clone());
    assert_eq!(grace.expect(created), expected);
    assert_eq!(anonymous.expect(created), expected);
    assert_eq!(app.anonymous().message(room.id, message.id), message);
    let room = alice.room(room.id);
    assert_eq!((room.last_seq, room.rev), (message.seq, message.rev));
}

#[test]
fn text_is_stored_as_it_was_written() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for text in [
        "<script>alert(1)</script>",
        "first line\nsecond line\n\n\tindented",
        "'; DROP TABLE messages; --",
        "日本語 🎉 مرحبا",
        "\\u0000 \\n {\"json\": true}",
    ] {
        let message = alice.send(room.id, text);
        assert_eq!(alice.message(room.id, message.id).text.as_deref(), Some(text));
    }
}

// reference: messages-limits
#[test]
fn a_guests_message_has_2_to_150_visible_characters() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for text in ["hi", &"x".repeat(150), &"🎉".repeat(150), &format!("  {}  ", "é".repeat(150))] {
        alice.send(room.id, text);
    }
    let message = alice.send(room.id, "to be edited");
    for (text, code) in [
        (json!("x"), InvalidCode::TooShort),
        (json!(" x "), InvalidCode::TooShort),
        (json!("x".repeat(151)), InvalidCode::TooLong),
        (json!(""), InvalidCode::Required),
        (json!(" \n\t "), InvalidCode::Required),
        (json!("\u{200B}\u{200B}"), InvalidCode::Required),
        (json!("a\u{0}b"), InvalidCode::InvalidCharacters),
        (json!(null), InvalidCode::InvalidType),
        (json!(42), InvalidCode::InvalidType),
        (json!(["hello"]), InvalidCode::InvalidType),
    ] {
        let body = json!({ "text": text });
        alice.post(&messages_path(room.id), &body).invalid(&[("/text", code)]);
        alice.patch(&message_path(room.id, message.id), &body).invalid(&[("/text", code)]);
    }
    alice.post(&messages_path(room.id), &json!({})).invalid(&[("/text", InvalidCode::Required)]);
    assert_eq!(alice.message(room.id, message.id), message);
    assert_eq!(alice.room(room.id).last_seq, message.seq);
}

// reference: messages-limits
#[test]
fn a_members_message_has_1_to_4000_characters() {
    let app = TestApp::start();
    let (_, room) = app.alice_in_a_room();
    let member = app.member("grace");
    for text in ["x", &"x".repeat(151), &"🎉".repeat(4_000)] {
        assert_eq!(member.send(room.id, text).author.kind, UserKind::Member);
    }
    let answer = member.post(&messages_path(room.id), &json!({ "text": "x".repeat(4_001) }));
    answer.invalid(&[("/text", InvalidCode::TooLong)]);
}

#[test]
fn a_message_to_an_unknown_room_is_refused() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let answer = grace.post(&messages_path(unknown_room_id()), &json!({ "text": "hello" }));
    answer.problem(404, ErrorCode::RoomNotFound);
}

#[test]
fn the_author_is_the_sender_regardless_of_the_body() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let forged = json!({
        "text": "forged", "author": { "id": alice.user().id, "username": "Alice", "kind": "bot" },
        "room_id": app.lobby().id, "seq": 99, "rev": 99, "created_at": "2000-01-01T00:00:00.000Z"
    });
    let message: Message = grace.post(&messages_path(room.id), &forged).expect(201).json();
    assert_eq!(message.author.id, grace.user().id);
    assert_eq!((message.room_id, message.seq.0), (room.id, 1));
}

#[test]
fn unknown_messages_and_those_of_other_rooms_are_not_found() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let other = alice.create_room("other room");
    let message = alice.send(room.id, "hello");
    for path in [
        message_path(room.id, new_message_id()),
        format!("{}/none", messages_path(room.id)),
        message_path(other.id, message.id),
    ] {
        alice.get(&path).problem(404, ErrorCode::MessageNotFound);
        alice.patch(&path, &json!({ "text": "forged" })).problem(404, ErrorCode::MessageNotFound);
        alice.delete(&path).problem(404, ErrorCode::MessageNotFound);
    }
    assert_eq!(alice.message(room.id, message.id), message);
}

// reference: messages-edit-delete
#[test]
fn editing_a_message_changes_its_text_for_everybody() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "helo");
    let mut grace = TestSocket::connect(&app.guest("Grace"));
    grace.subscribe(room.id);
    let edited = alice.edit(&message, " hello ");
    assert_eq!(edited.text.as_deref(), Some("hello"));
    assert!(edited.edited_at >= Some(message.created_at), "{edited:?}");
    assert_eq!(edited.rev, message.rev.next());
    let unchanged =
        Message { text: message.text.clone(), rev: message.rev, edited_at: None, ..edited.clone() };
    assert_eq!(unchanged, message, "nothing else changed");
    assert_eq!(grace.expect(updated), MessageChange::of(edited.clone()));
    assert_eq!(app.anonymous().message(room.id, message.id), edited);
    assert_eq!(alice.room(room.id).rev, edited.rev);
}

#[test]
fn an_edit_changes_only_the_text_regardless_of_the_body() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let message = alice.send(room.id, "hello");
    let forged = json!({
        "text": "still mine", "id": new_message_id(), "room_id": app.lobby().id, "seq": 9, "rev": 99,
        "author": { "id": grace.user().id, "username": "Grace", "kind": "guest" }, "deleted_at": null
    });
    let edited: Message = alice.patch(&message_path(room.id, message.id), &forged).expect(200).json();
    assert_eq!((edited.id, edited.room_id, edited.seq), (message.id, room.id, message.seq));
    assert_eq!(edited.author, message.author);
    assert_eq!(edited.text.as_deref(), Some("still mine"));
}

#[test]
fn an_edit_without_a_text_changes_nothing() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let same: Message = alice.patch(&message_path(room.id, message.id), &json!({})).expect(200).json();
    assert_eq!(same, message);
}

#[test]
fn only_the_author_edits_a_message_not_even_the_creator_of_the_room() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = app.guest("Grace").send(room.id, "hello");
    for other in [&alice, &app.guest("Grace")] {
        let answer = other.patch(&message_path(room.id, message.id), &json!({ "text": "forged" }));
        answer.problem(403, ErrorCode::NotAuthor);
    }
    assert_eq!(alice.message(room.id, message.id), message);
}

// reference: messages-edit-delete
#[test]
fn deleting_a_message_leaves_a_tombstone_for_everybody() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "a secret text");
    let mut grace = TestSocket::connect(&app.guest("Grace"));
    grace.subscribe(room.id);
    alice.delete_message(&message);
    let change = grace.expect(deleted);
    let tombstone = app.anonymous().message(room.id, message.id);
    assert_eq!(change, MessageChange::of(tombstone.clone()));
    assert_eq!(tombstone.text, None);
    assert!(tombstone.deleted_at >= Some(message.created_at));
    assert_eq!(tombstone.rev, message.rev.next());
    let alive =
        Message { text: message.text.clone(), rev: message.rev, deleted_at: None, ..tombstone.clone() };
    assert_eq!(alive, message, "the rest stays");
    assert_eq!(alice.whole_history(room.id), std::slice::from_ref(&tombstone));
    assert_eq!(alice.changes(room.id, message.rev).messages, [tombstone]);
}

#[test]
fn the_text_of_a_deleted_message_is_not_kept() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "a secret text");
    alice.edit(&message, "another secret text");
    alice.delete_message(&message);
    for path in [
        message_path(room.id, message.id),
        messages_path(room.id),
        format!("{}?around={}", messages_path(room.id), message.id),
        format!("/api/v1/rooms/{}/changes?since=0", room.id),
    ] {
        assert!(!alice.get(&path).expect(200).text().contains("secret"), "{path}");
    }
}

#[test]
fn deleting_again_changes_nothing() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    alice.delete_message(&message);
    let tombstone = alice.message(room.id, message.id);
    let mut grace = TestSocket::connect(&app.guest("Grace"));
    grace.subscribe(room.id);
    alice.delete_message(&message);
    assert_eq!(alice.message(room.id, message.id), tombstone);
    assert_eq!(alice.room(room.id).rev, tombstone.rev);
    grace.assert_quiet();
}

#[test]
fn a_deleted_message_cannot_be_edited() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    alice.delete_message(&message);
    let answer = alice.patch(&message_path(room.id, message.id), &json!({ "text": "back again" }));
    answer.problem(409, ErrorCode::MessageDeleted);
    assert_eq!(alice.message(room.id, message.id).text, None);
}

#[test]
fn the_creator_of_a_room_deletes_any_message_and_others_only_their_own() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let message = grace.send(room.id, "hello");
    let answer = app.guest("Grace").delete(&message_path(room.id, message.id));
    answer.problem(403, ErrorCode::NotAuthor);
    alice.delete_message(&message);
    assert_eq!(grace.message(room.id, message.id).text, None);

    let lobby = app.lobby();
    let in_the_lobby = grace.send(lobby.id, "hello");
    alice.delete(&message_path(lobby.id, in_the_lobby.id)).problem(403, ErrorCode::NotAuthor);
    assert_eq!(texts(&grace.whole_history(lobby.id)), ["hello"]);
}

#[test]
fn messages_of_other_rooms_do_not_reach_a_subscriber() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let other = alice.create_room("other room");
    let mut grace = TestSocket::connect(&app.guest("Grace"));
    grace.subscribe(room.id);
    alice.send(other.id, "elsewhere");
    grace.assert_quiet();
}

#[test]
fn ids_and_counters_of_rooms_are_independent() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let other = alice.create_room("other room");
    alice.send_many(room.id, 3);
    let message = alice.send(other.id, "hello");
    assert_eq!((message.seq.0, message.rev), (1, other.rev.next()));
}
