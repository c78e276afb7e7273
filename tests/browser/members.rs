//! Rooms and their members: roles, private rooms, mutes, bans, and how people find rooms.

use serde_json::json;
use shared::bans::ban_path;
use shared::members::{Role, member_path, mute_path};
use shared::rooms::room_path;
use support::client::PASSWORD;

use crate::pages::Person;
use crate::stage::{self, Stage};
use crate::wait::{eventually, eventually_where};

/// Opens a path as this member, signed in by the form.
#[track_caller]
pub fn member<'stage>(stage: &'stage Stage, name: &str, path: &str) -> Person<'stage> {
    let person = stage.person();
    person.open("/rooms");
    person.sign_in(name, PASSWORD);
    eventually(|| person.called(), format!("{name}, member"));
    person.open(path);
    person
}

#[test]
fn a_private_room_is_shared_by_an_invite_and_whoever_is_banned_is_told_so() {
    let stage = stage::together();
    let lobby = format!("/rooms/{}", stage.app.lobby().id);
    let (adam, _) = stage.guest("Adam");
    adam.open(&lobby);
    adam.sidebar().create_new();
    eventually(|| adam.dialog().title(), "Create a room");
    assert!(adam.dialog().text().contains("Only people with an account can create private rooms."));
    adam.dialog().press("Create an account");
    eventually(|| adam.dialog().title(), "Create your account");
    adam.account().fill("Password", PASSWORD);
    adam.account().press("Create account");
    eventually(|| adam.called(), "Adam, member");
    eventually(|| adam.dialog().is_open(), false);
    adam.sidebar().create_new();
    adam.room_form().write("Plans");
    adam.fill("Topic (optional)", "What comes next");
    adam.room_form().make_private();
    adam.room_form().press("Create room");
    eventually(|| adam.room().name(), "Plans");
    assert_eq!(adam.room().topic(), "What comes next");
    eventually(|| adam.sidebar().names(), ["Plans", "Lobby"]);
    eventually(|| adam.room().groups(), [("Owners 1".to_owned(), vec!["Adam".to_owned()])]);
    adam.room().say("Said before anybody came");

    adam.open_room_dialog("Invites");
    eventually(|| adam.dialog().text().contains("There are no invite links."), true);
    adam.dialog().press("Create invite link");
    eventually_where(|| adam.secret(), "a link", |link| link.contains("/invite#"));
    let link = adam.secret();
    let (_, invite) = link.split_once("/invite").expect("a link");
    eventually(|| adam.titles(), ["Joins as guest"]);
    adam.dialog().press("Done");

    let grace = stage.person();
    grace.open(&format!("/invite{invite}"));
    eventually_where(|| grace.invite(), "the room", |words| words.contains("invites you to Private: Plans"));
    assert_eq!(grace.whole_address(), "/invite");
    grace.reload();
    eventually_where(|| grace.invite(), "the room", |words| words.contains("invites you to Private: Plans"));
    assert!(grace.invite().contains("What comes next 1 member. You join as a guest."), "{}", grace.invite());
    grace.account().press("Join as a guest");
    eventually(|| grace.account().error("Your name"), "Your name is required.");
    grace.account().fill("Your name", "Grace");
    grace.account().press("Join as a guest");
    eventually(|| grace.room().name(), "Plans");
    eventually(|| grace.room().texts(), ["Said before anybody came"]);
    eventually(|| grace.sidebar().names(), ["Plans", "Lobby"]);
    assert!(!grace.room().header_buttons().contains(&"Rename room".to_owned()), "it is not theirs");

    let both = |second: &str| {
        [("Owners 1".to_owned(), vec!["Adam".to_owned()]), (format!("{second} 1"), vec!["Grace".to_owned()])]
    };
    eventually(|| adam.room().groups(), both("Guests"));
    adam.room().choose_person("Grace");
    eventually(|| adam.dialog().title(), "Plans");
    adam.pick("Role", "Moderator");
    adam.dialog().press("Change role");
    for person in [&adam, &grace] {
        eventually(|| person.room().groups(), both("Moderators"));
    }
    adam.dialog().press("Done");
    eventually(|| grace.room().header_buttons().contains(&"Rename room".to_owned()), true);
    grace.room().say("Thanks!");
    eventually(|| adam.room().texts(), ["Said before anybody came", "Thanks!"]);

    grace.room().write("I was about to s");
    adam.room().choose_person("Grace");
    adam.fill("Reason (optional)", "a test");
    adam.dialog().press("Ban…");
    eventually(|| adam.dialog().title(), "Ban Grace from Plans?");
    adam.dialog().press("Ban");
    eventually(|| grace.heading(), "You were banned from Plans.");
    assert!(grace.room().texts().is_empty());
    eventually(|| grace.sidebar().names(), ["Lobby"]);
    adam.dialog().open_section("Bans");
    eventually(|| adam.rows(), [("Grace".to_owned(), "by Adam · a test".to_owned())]);
    adam.dialog().open_section("Audit log");
    eventually(|| adam.titles().first().cloned(), Some("Adam banned Grace".to_owned()));
    adam.dialog().open_section("Bans");
    adam.press_in_row("Grace", "Unban");
    eventually(|| adam.dialog().text().contains("Nobody is banned."), true);
    eventually(|| adam.focused(), "div listing");
}

#[test]
fn whoever_is_removed_from_a_private_room_loses_it_at_once_and_sees_it_again_when_added() {
    let stage = stage::together();
    let (ada, linus) = (stage.app.member("Ada"), stage.app.member("Linus"));
    let room = ada.create_room("Plans");
    ada.patch(&room_path(room.id), &json!({ "visibility": "private" })).expect(200);
    ada.put(&member_path(room.id, linus.user().id), &json!({ "role": "member" })).expect(201);
    ada.send(room.id, "A secret");
    let person = member(&stage, "Linus", &format!("/rooms/{}", room.id));
    eventually(|| person.room().texts(), ["A secret"]);
    ada.send(room.id, "Another secret");
    eventually(|| person.announced().concat().contains("Another secret"), true);
    ada.delete(&member_path(room.id, linus.user().id)).expect(204);
    eventually(|| person.heading(), "You were removed from Plans.");
    let page = "return document.documentElement.outerHTML.includes('secret')";
    assert!(!person.chrome.eval::<bool>(page), "nothing of the room is left in the page");
    assert!(!person.sidebar().names().contains(&"Plans".to_owned()));

    let owner = member(&stage, "Ada", &format!("/rooms/{}", room.id));
    owner.open_room_dialog("Members");
    assert!(owner.dialog().text().contains("including earlier messages"));
    owner.fill("Add somebody with an account", "lin");
    eventually(|| owner.titles().contains(&"Linus".to_owned()), true);
    owner.press_in_row("Linus", "Add");
    eventually(|| owner.focused(), "input add-member");
    eventually(|| person.room().texts(), ["A secret", "Another secret"]);
    owner.dialog().press("Done");
    owner.open_room_dialog("Leave or delete");
    owner.dialog().press("Delete room…");
    eventually(|| owner.dialog().title(), "Delete Plans and its 2 messages?");
    owner.dialog().press("Delete room");
    for person in [&owner, &person] {
        eventually(|| person.address(), "/rooms");
    }
}

#[test]
fn public_rooms_are_found_joined_and_left() {
    let stage = stage::alone();
    let ada = stage.app.member("Ada");
    let room = ada.create_room("Gardening");
    ada.patch(&room_path(room.id), &json!({ "topic": "Beds and bees" })).expect(200);
    ada.create_room("Cooking");
    let linus = stage.app.member("Linus");
    linus.create_room("Mine");
    let person = member(&stage, "Linus", "/rooms");
    eventually(|| person.sidebar().names(), ["Mine", "Lobby"]);
    person.sidebar().browse();
    eventually(|| person.titles(), ["Lobby", "Gardening", "Cooking", "Mine"]);
    person.chrome.rewrite("dialog[open] input", "bees");
    eventually(
        || person.rows(),
        [("Gardening".to_owned(), "Beds and bees · 1 member · 0 online".to_owned())],
    );
    person.press_in_row("Gardening", "Join");
    eventually(|| person.room().name(), "Gardening");
    eventually(|| person.sidebar().names(), ["Gardening", "Mine", "Lobby"]);
    eventually(
        || person.room().groups(),
        [("Owners 1", "(Ada)"), ("Members 1", "Linus")]
            .map(|(title, name)| (title.to_owned(), vec![name.to_owned()])),
    );
    person.open_room_dialog("Leave");
    person.dialog().press("Leave the room");
    eventually(|| person.toasts().all_texts(), ["You left Gardening."]);
    person.sidebar().choose("Lobby");
    eventually(|| person.sidebar().names(), ["Mine", "Lobby"]);
}

#[test]
fn the_composer_says_why_nothing_can_be_written() {
    let stage = stage::alone();
    let ada = stage.app.member("Ada");
    let room = ada.create_room("Quiet");
    let (grace, grace_by_api) = stage.guest("Grace");
    let id = grace_by_api.user().id;
    grace.open(&format!("/rooms/{}", room.id));
    grace.room().say("Hello");
    eventually(|| grace.room().rows().iter().filter(|row| !row.is_pending).count(), 1);

    let until = chrono_in(90);
    ada.put(&mute_path(room.id, id), &json!({ "until": until })).expect(204);
    eventually_where(
        || grace.room().closed(),
        "why",
        |words| words.starts_with("You are muted until ") && words.ends_with(" seconds left."),
    );
    ada.delete(&mute_path(room.id, id)).expect(204);
    eventually(|| grace.room().closed(), "");

    ada.patch(&room_path(room.id), &json!({ "slow_mode_seconds": 60 })).expect(200);
    eventually(|| ada.room(room.id).slow_mode_seconds, 60);
    grace.room().say("Once");
    eventually_where(|| grace.room().wait(), "a time", |words| words.starts_with("Slow mode: "));
    assert!(!grace.room().can_send());
    grace.room().say("Twice");
    assert_eq!(grace.room().draft(), "Twice", "it stays");

    ada.patch(&room_path(room.id), &json!({ "posting": "accounts" })).expect(200);
    eventually(|| grace.room().closed(), "Only people with an account can write here.");
    ada.put(&ban_path(room.id, id), &json!({})).expect(204);
    eventually(|| grace.room().closed(), "You are banned from this room. You can still read it.");
    assert_eq!(grace.room().texts(), ["Hello", "Once"]);
}

/// The time in so many seconds, as the API has it.
fn chrono_in(seconds: i64) -> String {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let millis = i64::try_from(since_epoch.as_millis()).expect("far below") + seconds * 1_000;
    shared::timestamp::Timestamp::from_unix_millis(millis).expect("a time").to_string()
}

#[test]
fn members_are_listed_by_role_with_a_word_for_presence() {
    let stage = stage::alone();
    let (ada, linus) = (stage.app.member("Ada"), stage.app.member("Linus"));
    let room = ada.create_room("Design");
    ada.put(&member_path(room.id, linus.user().id), &json!({ "role": Role::Moderator.name() })).expect(201);
    stage.app.guest("Emmy Noether").send(room.id, "Hello");
    let (grace, _) = stage.guest("Grace");
    grace.open(&format!("/rooms/{}", room.id));
    let expected = [
        ("Owners 1", "(Ada)"),
        ("Moderators 1", "(Linus)"),
        ("Guests 1", "(Emmy Noether)"),
        ("Also here 1", "Grace"),
    ];
    let expected = expected.map(|(title, name)| (title.to_owned(), vec![name.to_owned()]));
    eventually(|| grace.room().groups(), expected);
    grace.room().choose_person("Ada");
    eventually(|| grace.dialog().title(), "Design");
    eventually(|| grace.dialog().sections(), ["About", "Members", "Pinned messages", "Leave"]);
    assert!(!grace.dialog().text().contains("Ban"), "{}", grace.dialog().text());
}

#[test]
fn whoever_signs_in_where_there_was_nothing_sees_the_room() {
    let stage = stage::alone();
    let ada = stage.app.member("Ada Lovelace");
    let room = ada.create_private_room("Plans");
    ada.send(room.id, "a secret plan");
    let person = stage.person();
    person.open(&format!("/rooms/{}", room.id));
    eventually(|| person.heading(), "There is nothing here");
    person.sign_in("Ada Lovelace", PASSWORD);
    eventually(|| person.room().texts(), ["a secret plan"]);
    assert_eq!(person.room().name(), "Plans");
}
