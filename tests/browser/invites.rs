//! The page of an invite link, for people who are new, known, or not welcome.

use serde_json::json;
use shared::admin::ADMIN_SETTINGS_PATH;
use shared::bans::ban_path;
use shared::invites::{NewInvite, invites_path};
use shared::rooms::room_path;
use support::client::{PASSWORD, TestClient};

use crate::members::member;
use crate::stage;
use crate::wait::{eventually, eventually_where};

/// A private room and the path of an invite to it.
fn invited(owner: &TestClient, body: &serde_json::Value) -> (shared::rooms::Room, String) {
    let room = owner.create_room("Plans");
    owner.patch(&room_path(room.id), &json!({ "visibility": "private" })).expect(200);
    let answer = owner.post(&invites_path(room.id), body).expect(201);
    let link = answer.json::<NewInvite>().url;
    let (_, secret) = link.split_once("/invite").expect("a link");
    (room, format!("/invite{secret}"))
}

#[test]
fn somebody_new_signs_up_on_a_closed_server_by_an_invite() {
    let stage = stage::alone();
    let ada = stage.app.member("Ada");
    ada.patch(ADMIN_SETTINGS_PATH, &json!({ "registration": "closed", "guests": "off" })).expect(200);
    let (_, path) = invited(&ada, &json!({}));
    let person = stage.person();
    person.open(&path);
    eventually_where(|| person.invite(), "the room", |words| words.contains("Ada invites you to"));
    person.chrome.click(("main label", "Create account"));
    person.account().fill("Name", "Linus");
    person.account().fill("Password", PASSWORD);
    person.account().press("Create account");
    eventually(|| person.room().name(), "Plans");
    assert_eq!(person.called(), "Linus, member");
}

#[test]
fn somebody_known_confirms_and_each_refusal_is_explained() {
    let stage = stage::alone();
    let (ada, linus) = (stage.app.member("Ada"), stage.app.member("Linus"));
    let (room, path) = invited(&ada, &json!({ "max_uses": 1 }));
    let person = member(&stage, "Linus", &path);
    eventually_where(|| person.invite(), "the room", |words| words.contains("Ada invites you to"));
    person.account().press("Join the room");
    eventually(|| person.room().name(), "Plans");

    ada.put(&ban_path(room.id, linus.user().id), &json!({})).expect(204);
    eventually(|| person.heading(), "You were banned from Plans.");
    let answer = ada.post(&invites_path(room.id), &json!({})).expect(201).json::<NewInvite>();
    let (_, other) = answer.url.split_once("/invite").expect("a link");
    for (path, words) in [
        (path.as_str(), "It has expired, been used up, or been revoked. Ask for a new one."),
        ("/invite#nothing", "Check that the link is complete, or ask for a new one."),
    ] {
        person.open("/rooms");
        person.open(path);
        eventually(|| person.page_words(), words);
    }
    person.open("/rooms");
    person.open("/invite");
    eventually(|| person.page_words(), "This link is incomplete. Open the full link that you were sent.");
    person.open(&format!("/invite{other}"));
    person.account().press("Join the room");
    eventually(|| person.account().whole_error(), "You are banned from this room.");
}
