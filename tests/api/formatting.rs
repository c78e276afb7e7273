//! Formatting of messages, as the API shows it. The cases of the parser are tested beside it.

use serde_json::{Value, json};
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::messages::{Message, changes_path, message_path, messages_path};
use shared::rooms::Room;
use shared::text::InvalidCode;
use support::app::TestApp;
use support::client::TestClient;
use support::socket::TestSocket;

fn stage() -> (TestApp, TestClient, Room) {
    let app = TestApp::start();
    let ada = app.member("Ada");
    let room = ada.create_room("engines");
    (app, ada, room)
}

fn send(client: &TestClient, room: &Room, text: &str) -> Value {
    client.post(&messages_path(room.id), &json!({ "text": text })).expect(201).value()
}

#[test]
fn a_formatted_message_has_a_body_on_every_way_to_a_client() {
    let (app, ada, room) = stage();
    let mut follower = app.socket();
    let since = follower.subscribe(room.id).rev;
    let sent = send(&ada, &room, "it **weaves** `patterns`");
    let body = json!([{ "t": "p", "c": [
        "it ", { "t": "b", "c": ["weaves"] }, " ", { "t": "code", "text": "patterns" }
    ] }]);
    assert_eq!(sent["body"], body);
    assert_eq!(sent["text"], "it **weaves** `patterns`");
    let live = follower.expect(|event| match event {
        ServerEvent::MessageCreated(change) => Some(change.message.clone()),
        _ => None,
    });
    assert_eq!(serde_json::to_value(&live.body).expect("JSON"), body);
    let page = |path: &str| ada.get(path).expect(200).value();
    for _ in 0..2 {
        assert_eq!(page(&messages_path(room.id))["items"][0]["body"], body);
    }
    assert_eq!(page(&format!("{}?since={since}", changes_path(room.id)))["messages"][0]["body"], body);
    assert_eq!(page(&message_path(room.id, live.id))["body"], body);
    let mut returning = TestSocket::connect(&ada);
    returning.resume(room.id, since);
    let replayed = returning.expect(|event| match event {
        ServerEvent::MessageCreated(change) => Some(change.message.clone()),
        _ => None,
    });
    assert_eq!(replayed, live);
}

#[test]
fn a_plain_message_has_none_and_an_edit_parses_anew() {
    let (_app, ada, room) = stage();
    for text in ["hello, world", "two\nlines", "1 < 2 && 3 > 2", "snake_case_name and 2 * 3 * 4"] {
        let sent = send(&ada, &room, text);
        assert_eq!((sent.get("body"), &sent["text"]), (None, &json!(text)));
    }
    let message: Message = serde_json::from_value(send(&ada, &room, "plain")).expect("a message");
    let edit = |text: &str| {
        ada.patch(&message_path(room.id, message.id), &json!({ "text": text })).expect(200).value()
    };
    assert_eq!(edit("*slanted*")["body"], json!([{ "t": "p", "c": [{ "t": "i", "c": ["slanted"] }] }]));
    assert_eq!(edit("plain again").get("body"), None);
    edit("# heading");
    ada.delete_message(&message);
    let tombstone = ada.get(&message_path(room.id, message.id)).expect(200).value();
    assert_eq!((tombstone.get("body"), &tombstone["text"]), (None, &Value::Null));
}

#[test]
fn a_preview_shows_what_a_message_would_look_like_and_stores_nothing() {
    let (app, ada, room) = stage();
    let path = format!("{}/preview", messages_path(room.id));
    let before = ada.room(room.id);
    let preview = ada.post(&path, &json!({ "text": "**bold** @Ada" })).expect(200).value();
    assert_eq!(
        preview["body"],
        json!([{ "t": "p", "c": [
        { "t": "b", "c": ["bold"] }, " ", { "t": "user", "id": ada.id(), "text": "@Ada" }
    ] }])
    );
    assert_eq!(ada.post(&path, &json!({ "text": "plain" })).expect(200).value(), json!({}));
    assert_eq!(ada.room(room.id), before);
    ada.post(&path, &json!({})).invalid(&[("/text", InvalidCode::Required)]);
    let nobody = app.anonymous();
    nobody.post(&path, &json!({ "text": "x" })).problem(401, ErrorCode::AuthenticationRequired);
    let private = ada.create_private_room("behind the curtain");
    let stranger = app.member("Mary");
    let path = format!("{}/preview", messages_path(private.id));
    stranger.post(&path, &json!({ "text": "x" })).problem(404, ErrorCode::RoomNotFound);
}

#[test]
fn dropping_a_file_keeps_the_formatting_and_the_mentions() {
    let (app, ada, room) = stage();
    let grace = app.member("Grace");
    grace.join(room.id);
    let file = ada.upload(room.id, "notes.txt", "some notes");
    let body = json!({ "text": "**look**, @Grace", "attachments": [{ "id": file.id }] });
    let sent = ada.post(&messages_path(room.id), &body).expect(201).value();
    let message: Message = serde_json::from_value(sent.clone()).expect("a message");
    let path = message_path(room.id, message.id);
    let edited = ada.patch(&path, &json!({ "attachments": [] })).expect(200).value();
    assert_eq!((&edited["body"], &edited["text"]), (&sent["body"], &sent["text"]));
    assert_eq!(ada.get(&path).expect(200).value()["body"], sent["body"]);
    assert_eq!(grace.viewer(room.id).mentions, Some(1));
}
