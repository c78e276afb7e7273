//! Former texts of messages.

use shared::edits::{Edit, edits_path};
use shared::errors::ErrorCode;
use shared::messages::Message;
use shared::page::Page;
use shared::rooms::Room;
use support::app::TestApp;
use support::client::TestClient;

fn former(client: &TestClient, message: &Message) -> Vec<String> {
    let page: Page<Edit> = client.get(&edits_path(message.room_id, message.id)).expect(200).json();
    page.items.into_iter().map(|edit| edit.text).collect()
}

fn stage() -> (TestApp, TestClient, TestClient, Room, Message) {
    let app = TestApp::start();
    let (ada, grace) = (app.member("Ada"), app.member("Grace"));
    let room = ada.create_room("engines");
    let message = grace.send(room.id, "first");
    (app, ada, grace, room, message)
}

#[test]
fn members_see_what_a_message_said_and_since_when() {
    let (app, ada, grace, room, message) = stage();
    assert!(former(&ada, &message).is_empty());
    let second = grace.edit(&message, "second");
    grace.edit(&message, "second");
    grace.edit(&message, "third");
    assert_eq!(former(&ada, &message), ["second", "first"]);
    let page: Page<Edit> = grace.get(&edits_path(room.id, message.id)).expect(200).json();
    let times: Vec<_> = page.items.iter().map(|edit| edit.at).collect();
    assert_eq!(times, [second.edited_at.expect("it was edited"), message.created_at]);
    let stranger = app.member("Mary");
    stranger.get(&edits_path(room.id, message.id)).problem(403, ErrorCode::NotAllowed);
    let nobody = app.anonymous();
    nobody.get(&edits_path(room.id, message.id)).problem(401, ErrorCode::AuthenticationRequired);
    let unknown = edits_path(room.id, support::builders::new_message_id());
    ada.get(&unknown).problem(404, ErrorCode::MessageNotFound);
}

#[test]
fn the_newest_fifty_former_texts_are_kept() {
    let (_app, _ada, grace, _, message) = stage();
    for number in 0..55 {
        grace.edit(&message, &format!("text {number}"));
    }
    let texts = former(&grace, &message);
    assert_eq!((texts.len(), texts[0].as_str(), texts[49].as_str()), (50, "text 53", "text 4"));
}

#[test]
fn the_author_and_moderators_delete_former_texts() {
    let (app, ada, grace, room, message) = stage();
    let path = edits_path(room.id, message.id);
    let member = app.member("Mary");
    member.join(room.id);
    grace.edit(&message, "my password is not here any more");
    member.delete(&path).problem(403, ErrorCode::NotAuthor);
    grace.delete(&path).expect(204);
    assert!(former(&ada, &message).is_empty());
    grace.edit(&message, "third");
    ada.delete(&path).expect(204);
    assert!(former(&grace, &message).is_empty());
    assert_eq!(ada.audit(room.id)[0].action, "delete_edits");
    ada.delete(&path).expect(204);
    grace.edit(&message, "fourth");
    grace.delete_message(&message);
    ada.get(&path).problem(409, ErrorCode::MessageDeleted);
    ada.delete(&path).problem(409, ErrorCode::MessageDeleted);
}
