//! Mentions: who is meant, and who has unread ones, on all devices.

use serde_json::{Value, json};
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::ids::Seq;
use shared::members::Role;
use shared::messages::{Message, message_path, messages_path};
use shared::read_marks::read_path;
use shared::rooms::Room;
use shared::text::InvalidCode;
use support::app::TestApp;
use support::client::TestClient;
use support::socket::TestSocket;

fn stage() -> (TestApp, TestClient, TestClient, Room) {
    let app = TestApp::start();
    let (ada, grace) = (app.member("Ada Lovelace"), app.member("Grace"));
    let room = ada.create_room("engines");
    grace.join(room.id);
    (app, ada, grace, room)
}

fn send(client: &TestClient, room: &Room, body: Value) -> Message {
    client.post(&messages_path(room.id), &body).expect(201).json()
}

/// The users that a message names.
fn named(message: &Message) -> Vec<String> {
    fn collect(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            Value::Object(object) => {
                if object.get("t") == Some(&json!("user")) {
                    into.push(object["id"].as_str().expect("an id").to_owned());
                }
                object.values().for_each(|value| collect(value, into));
            }
            _ => {}
        }
    }
    let mut users = Vec::new();
    collect(&serde_json::to_value(&message.body).expect("JSON"), &mut users);
    users
}

fn unread(client: &TestClient, room: &Room) -> Option<u32> {
    client.viewer(room.id).mentions
}

/// Waits for a mark with so many unread mentions.
#[track_caller]
fn expect_mentions(socket: &mut TestSocket, count: u32) {
    socket.expect(|event| match event {
        ServerEvent::Read { mark, .. } => (mark.mentions == count).then_some(()),
        _ => None,
    });
}

#[test]
fn a_mention_counts_until_it_is_read_and_ones_sockets_hear_of_it() {
    let (_app, ada, grace, room) = stage();
    let mut socket = TestSocket::connect(&grace);
    let message = send(&ada, &room, json!({ "text": "what do you say, @grace?" }));
    assert_eq!(named(&message), [grace.id().to_string()]);
    expect_mentions(&mut socket, 1);
    send(&ada, &room, json!({ "text": "hello? @Grace @GRACE" }));
    expect_mentions(&mut socket, 2);
    assert_eq!((unread(&grace, &room), unread(&ada, &room)), (Some(2), Some(0)));
    let mark = grace.put(&read_path(room.id), &json!({ "seq": 1 })).expect(200).value();
    assert_eq!(mark["mentions"], 1);
    let mark = grace.put(&read_path(room.id), &json!({ "seq": 0, "exact": true })).expect(200).value();
    assert_eq!(mark["mentions"], 2);
    grace.send(room.id, "I say nothing");
    expect_mentions(&mut socket, 0);
    assert_eq!(unread(&grace, &room), Some(0));
}

#[test]
fn only_members_are_mentioned_and_nobody_themselves() {
    let (app, ada, grace, room) = stage();
    app.member("Mary");
    let message = send(&ada, &room, json!({ "text": "@Mary @Nobody @Ada Lovelace a@Grace `@Grace`" }));
    assert_eq!(named(&message), [ada.id().to_string()]);
    assert_eq!((unread(&ada, &room), unread(&grace, &room)), (Some(0), Some(0)));
}

#[test]
fn among_namesakes_the_request_decides_and_else_the_account() {
    let (app, ada, grace, room) = stage();
    let [one, other] = [app.guest("Maxi"), app.guest("maxi")];
    one.join(room.id);
    other.join(room.id);
    assert_eq!(named(&send(&ada, &room, json!({ "text": "@Maxi" }))), [""; 0]);
    let body = json!({ "text": "@Maxi", "mentions": [other.id()] });
    assert_eq!(named(&send(&ada, &room, body)), [other.id().to_string()]);
    assert_eq!((unread(&one, &room), unread(&other, &room)), (Some(0), Some(1)));
    ada.post(&messages_path(room.id), &json!({ "text": "@Maxi", "mentions": ["x"] }))
        .invalid(&[("/mentions", InvalidCode::InvalidFormat)]);
    ada.post(&messages_path(room.id), &json!({ "text": "@Maxi", "mentions": grace.id() }))
        .invalid(&[("/mentions", InvalidCode::InvalidType)]);
}

#[test]
fn edits_and_deletions_add_and_remove_unread_mentions() {
    let (_app, ada, grace, room) = stage();
    let mut socket = TestSocket::connect(&grace);
    let message = send(&ada, &room, json!({ "text": "what do you say?" }));
    ada.patch(&message_path(room.id, message.id), &json!({ "text": "@Grace?" })).expect(200);
    expect_mentions(&mut socket, 1);
    ada.patch(&message_path(room.id, message.id), &json!({ "text": "never mind" })).expect(200);
    expect_mentions(&mut socket, 0);
    ada.patch(&message_path(room.id, message.id), &json!({ "text": "@Grace!" })).expect(200);
    expect_mentions(&mut socket, 1);
    ada.delete_message(&message);
    expect_mentions(&mut socket, 0);
    assert_eq!(unread(&grace, &room), Some(0));
}

#[test]
fn whoever_is_answered_counts_as_mentioned() {
    let (_app, ada, grace, room) = stage();
    let question = grace.send(room.id, "does it weave?");
    ada.post(&messages_path(room.id), &json!({ "text": "it does", "reply_to": question.id })).expect(201);
    assert_eq!((unread(&grace, &room), unread(&ada, &room)), (Some(1), Some(0)));
    let own = ada.send(room.id, "and more");
    ada.post(&messages_path(room.id), &json!({ "text": "and more", "reply_to": own.id })).expect(201);
    assert_eq!(unread(&ada, &room), Some(0));
}

#[test]
fn everyone_counts_for_moderators_only() {
    let (app, ada, grace, room) = stage();
    let mary = app.member("Mary");
    mary.join(room.id);
    let mut socket = TestSocket::connect(&mary);
    let plain = grace.post(&messages_path(room.id), &json!({ "text": "@everyone" })).expect(201).value();
    assert_eq!(plain.get("body"), None);
    let sent = ada.post(&messages_path(room.id), &json!({ "text": "@everyone" })).expect(201).value();
    assert_eq!(sent["body"], json!([{ "t": "p", "c": [{ "t": "everyone" }] }]));
    expect_mentions(&mut socket, 1);
    assert_eq!(
        (unread(&grace, &room), unread(&mary, &room), unread(&ada, &room)),
        (Some(1), Some(1), Some(0))
    );
    let late = app.member("Late");
    late.join(room.id);
    assert_eq!(unread(&late, &room), Some(0), "joining reads everything");
    ada.put_member(room.id, &grace, Role::Moderator).expect(200);
    grace.post(&messages_path(room.id), &json!({ "text": "@everyone" })).expect(201);
    assert_eq!(unread(&ada, &room), Some(1));
}

#[test]
fn everyone_is_mentioned_three_times_an_hour() {
    let app = TestApp::with(&[]);
    let ada = app.member("Ada");
    let room = ada.create_room("engines");
    let body = json!({ "text": "@everyone", "id": support::builders::new_message_id() });
    ada.post(&messages_path(room.id), &body).expect(201);
    for _ in 0..2 {
        ada.post(&messages_path(room.id), &json!({ "text": "@everyone" })).expect(201);
    }
    ada.post(&messages_path(room.id), &body).expect(200);
    let refused = ada.post(&messages_path(room.id), &json!({ "text": "@everyone" }));
    refused.problem(429, ErrorCode::RateLimited);
    assert_eq!(ada.room(room.id).last_seq, Seq(3));
}

#[test]
fn a_public_room_is_linked_and_a_private_one_is_text() {
    let (_app, ada, _, room) = stage();
    ada.create_private_room("behind the curtain");
    let sent = send(&ada, &room, json!({ "text": "#[Engines] #[behind the curtain] #[nowhere]" }));
    let body = serde_json::to_value(&sent.body).expect("JSON");
    let expected = json!([{ "t": "p", "c": [
        { "t": "room", "id": room.id, "text": "#Engines" }, " #[behind the curtain] #[nowhere]"
    ] }]);
    assert_eq!(body, expected);
}
