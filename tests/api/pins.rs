//! Pinned messages.

use serde_json::json;
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::members::Role;
use shared::messages::{Message, MessageAnswer, MessagePage, message_path};
use shared::pins::{pin_path, pins_path};
use shared::rooms::Room;
use support::app::TestApp;
use support::builders::{new_message_id, texts};
use support::client::TestClient;
use support::http::Response;

fn pin(client: &TestClient, message: &Message) -> Response {
    client.put(&pin_path(message.room_id, message.id), &json!({}))
}

fn unpin(client: &TestClient, message: &Message) -> Response {
    client.delete(&pin_path(message.room_id, message.id))
}

fn updated(event: &ServerEvent) -> Option<Message> {
    if let ServerEvent::MessageUpdated(change) = event { Some(change.message.clone()) } else { None }
}

fn stage() -> (TestApp, TestClient, TestClient, Room) {
    let app = TestApp::start();
    let (ada, grace) = (app.member("Ada"), app.member("Grace"));
    let room = ada.create_room("engines");
    grace.join(room.id);
    (app, ada, grace, room)
}

#[test]
fn pinned_messages_are_listed_newest_pin_first_and_change_live() {
    let (app, ada, grace, room) = stage();
    let [first, second] = ["first", "second"].map(|text| grace.send(room.id, text));
    let mut follower = app.socket();
    let before = follower.subscribe(room.id).rev;
    let answer: MessageAnswer = pin(&ada, &second).expect(200).json();
    assert!(answer.message.pinned_at.is_some());
    assert_eq!(answer.message.rev, before.next());
    assert_eq!(follower.expect(updated), answer.message);
    pin(&ada, &first).expect(200);
    let rev = ada.room(room.id).rev;
    pin(&ada, &first).expect(200);
    assert_eq!(ada.room(room.id).rev, rev, "a repeat moves nothing");
    let pins = |client: &TestClient| client.get(&pins_path(room.id)).expect(200).json::<MessagePage>().items;
    assert_eq!(texts(&pins(&app.anonymous())), ["first", "second"]);
    let answer = unpin(&ada, &first).expect(200).value();
    assert_eq!(answer.get("pinned_at"), None);
    unpin(&ada, &first).expect(200);
    assert_eq!(texts(&pins(&grace)), ["second"]);
    let actions: Vec<String> = ada.audit(room.id).into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions[..3], ["unpin_message", "pin_message", "pin_message"]);
    ada.delete_message(&second);
    assert!(pins(&grace).is_empty(), "deleting unpins");
    let tombstone = ada.get(&message_path(room.id, second.id)).expect(200).value();
    assert_eq!(tombstone.get("pinned_at"), None);
}

#[test]
fn only_moderators_pin_and_nobody_a_deleted_message() {
    let (app, ada, grace, room) = stage();
    let message = grace.send(room.id, "a message");
    pin(&grace, &message).problem(403, ErrorCode::NotAllowed);
    unpin(&grace, &message).problem(403, ErrorCode::NotAllowed);
    pin(&app.anonymous(), &message).problem(401, ErrorCode::AuthenticationRequired);
    ada.put_member(room.id, &grace, Role::Moderator).expect(200);
    pin(&grace, &message).expect(200);
    let unknown = Message { id: new_message_id(), ..message.clone() };
    pin(&ada, &unknown).problem(404, ErrorCode::MessageNotFound);
    ada.delete_message(&message);
    pin(&ada, &message).problem(409, ErrorCode::MessageDeleted);
    let private = ada.create_private_room("behind the curtain");
    grace.get(&pins_path(private.id)).problem(404, ErrorCode::RoomNotFound);
}

#[test]
fn a_room_has_fifty_pins() {
    let (_app, ada, _, room) = stage();
    let messages: Vec<Message> = (0..51).map(|number| ada.send(room.id, &format!("note {number}"))).collect();
    messages[..50].iter().for_each(|message| drop(pin(&ada, message).expect(200)));
    pin(&ada, &messages[50]).problem(409, ErrorCode::TooManyPins);
    pin(&ada, &messages[0]).expect(200);
    unpin(&ada, &messages[0]).expect(200);
    pin(&ada, &messages[50]).expect(200);
}
