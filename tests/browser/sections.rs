//! The settings and the dialog about a room: their sections, and what is asked before something is lost.

use serde_json::json;
use shared::admin::ADMIN_SETTINGS_PATH;
use shared::members::member_path;
use thirtyfour::prelude::Key;

use crate::chrome::screen::Screen;
use crate::members::member;
use crate::stage;
use crate::wait::eventually;

#[test]
fn unsaved_changes_are_asked_about_before_they_are_lost() {
    let stage = stage::alone();
    let ada = stage.app.member("Ada");
    let room = ada.create_room("Design");
    let ada = member(&stage, "Ada", &format!("/rooms/{}", room.id));
    ada.open_room_dialog("About");
    ada.fill("Name", "Drawing");
    ada.dialog().open_section("Members");
    eventually(|| ada.dialog().title(), "Discard your changes?");
    ada.dialog().press("Cancel");
    eventually(|| ada.dialog().title(), "Design");
    assert_eq!(ada.account().value("Name"), "Drawing");
    ada.dialog().close();
    eventually(|| ada.dialog().title(), "Discard your changes?");
    ada.dialog().close();
    eventually(|| ada.dialog().title(), "Design");
    ada.chrome.click_corner();
    eventually(|| ada.dialog().title(), "Discard your changes?");
    ada.dialog().press("Cancel");

    ada.fill("Name", "Design");
    ada.dialog().open_section("Members");
    eventually(|| ada.dialog().section(), "Members");
    assert_eq!(ada.dialog().title(), "Design", "nothing is changed, so nothing is asked");
    ada.dialog().open_section("About");
    ada.fill("Name", "Drawing");
    ada.account().press("Save");
    eventually(|| ada.account().done(), "Saved");
    ada.dialog().close();
    eventually(|| ada.dialog().is_open(), false);
    eventually(|| ada.room().name(), "Drawing");

    ada.open_settings("Profile");
    ada.fill("Your name", "Ada Lovelace");
    ada.dialog().press("Done");
    eventually(|| ada.dialog().title(), "Discard your changes?");
    ada.dialog().confirm("Discard");
    eventually(|| ada.dialog().is_open(), false);
    assert_eq!(ada.called(), "Ada, member");
    ada.open_settings("Profile");
    assert_eq!(ada.account().value("Your name"), "Ada");
    ada.choose_picture(64, 64);
    eventually(|| ada.is_cropping(), true);
    ada.dialog().open_section("Appearance");
    eventually(|| ada.dialog().title(), "Discard your changes?");
    ada.dialog().confirm("Discard");
    eventually(|| ada.dialog().section(), "Appearance");
}

#[test]
fn the_sections_are_reached_by_the_keyboard_and_are_pages_on_a_phone() {
    let stage = stage::alone();
    stage.app.member("Ada");
    let ada = member(&stage, "Ada", "/rooms");
    ada.sidebar().settings();
    eventually(|| ada.focused(), "button Profile");
    ada.chrome.press(Key::Down);
    ada.chrome.press(Key::Down);
    eventually(|| ada.focused(), "button Sessions");
    assert_eq!(ada.dialog().section(), "Profile", "the arrows only move the focus");
    ada.chrome.press(Key::Enter);
    eventually(|| ada.dialog().section(), "Sessions");
    assert_eq!(ada.focused(), "button Sessions");
    ada.chrome.press(Key::End);
    eventually(|| ada.focused(), "button Delete account");
    ada.chrome.press(Key::Home);
    eventually(|| ada.focused(), "button Profile");
    ada.dialog().close();
    eventually(|| ada.focused(), "button Settings");

    ada.chrome.show_on(Screen::PHONE);
    ada.sidebar().open();
    ada.sidebar().settings();
    eventually(|| ada.focused(), "button Profile");
    assert_eq!(ada.dialog().section(), "", "the list is a page");
    ada.dialog().open_section("Appearance");
    eventually(|| ada.dialog().section(), "Appearance");
    eventually(|| ada.focused(), "h3 section-title");
    ada.chrome.click("button[aria-label='All sections']");
    eventually(|| ada.dialog().section(), "");
    eventually(|| ada.focused(), "button Appearance");
    ada.dialog().open_section("Sessions");
    eventually(|| ada.dialog().section(), "Sessions");
    ada.chrome.back();
    eventually(|| ada.dialog().section(), "");
    eventually(|| ada.focused(), "button Sessions");
    assert!(ada.dialog().is_open(), "Back goes up");
    ada.chrome.back();
    eventually(|| ada.dialog().is_open(), false);
}

#[test]
// reference: pages-room
fn back_closes_what_lies_above_the_page_and_then_leaves_the_page() {
    let stage = stage::alone();
    stage.app.member("Ada");
    let ada = member(&stage, "Ada", "/rooms");
    ada.sidebar().choose("Lobby");
    eventually(|| ada.room().name(), "Lobby");
    let lobby = ada.address();
    ada.sidebar().settings();
    eventually(|| ada.dialog().is_open(), true);
    ada.chrome.back();
    eventually(|| ada.dialog().is_open(), false);
    assert_eq!(ada.address(), lobby);

    ada.open_settings("Profile");
    ada.fill("Your name", "Ada Lovelace");
    ada.chrome.back();
    eventually(|| ada.dialog().title(), "Discard your changes?");
    ada.chrome.back();
    eventually(|| ada.dialog().title(), "Settings");
    assert_eq!(ada.account().value("Your name"), "Ada Lovelace");
    ada.fill("Your name", "Ada");
    ada.dialog().press("Done");
    eventually(|| ada.dialog().is_open(), false);
    assert_eq!(ada.address(), lobby);
    ada.chrome.back();
    eventually(|| ada.address(), "/rooms");
    ada.chrome.forward();
    eventually(|| ada.room().name(), "Lobby");
}

#[test]
fn ownership_and_a_guests_name_are_given_up_only_after_a_question() {
    let stage = stage::alone();
    let (ada, linus) = (stage.app.member("Ada"), stage.app.member("Linus"));
    let room = ada.create_room("Design");
    ada.put(&member_path(room.id, linus.user().id), &json!({ "role": "member" })).expect(201);
    let path = format!("/rooms/{}", room.id);
    let owner = member(&stage, "Ada", &path);
    eventually(|| owner.room().groups().len(), 2);
    owner.room().choose_person("Linus");
    eventually(|| owner.dialog().section(), "Members");
    owner.pick("Role", "Owner");
    owner.dialog().press("Change role");
    eventually(|| owner.dialog().title(), "Make Linus an owner of Design?");
    owner.dialog().press("Cancel");
    owner.pick("Role", "Member");
    owner.dialog().press("Transfer ownership…");
    eventually(|| owner.dialog().title(), "Make Linus the owner of Design?");
    owner.dialog().confirm("Transfer ownership");
    let groups = [("Owners 1", "(Linus)"), ("Moderators 1", "Ada")];
    let groups = groups.map(|(title, name)| (title.to_owned(), vec![name.to_owned()]));
    eventually(|| owner.room().groups(), groups);
    eventually(|| owner.focused().starts_with("body"), false);
    owner.dialog().press("Done");
    eventually(|| owner.dialog().is_open(), false);
    owner.sign_out();
    eventually(|| owner.room().asks_for_name(), true);

    owner.room().give_name("Grace");
    owner.room().say("Hello");
    eventually(|| owner.called(), "Grace, guest");
    owner.open_settings("Profile");
    owner.dialog().press("Sign out…");
    eventually(|| owner.dialog().title(), "Sign out and lose the name Grace?");
    owner.dialog().press("Cancel");
    eventually(|| owner.dialog().title(), "Settings");
    assert_eq!(owner.called(), "Grace, guest");
    owner.dialog().press("Done");
    owner.sign_out();
    eventually(|| owner.called(), "Just looking around");
}

#[test]
fn a_closed_server_offers_neither_guests_nor_new_accounts() {
    let stage = stage::alone();
    let ada = stage.app.member("Ada");
    ada.patch(ADMIN_SETTINGS_PATH, &json!({ "registration": "closed", "guests": "off" })).expect(200);
    let visitor = stage.person();
    visitor.open(&format!("/rooms/{}", stage.app.lobby().id));
    eventually(|| visitor.room().closed(), "Sign in to write here.");
    visitor.sidebar().create_new();
    eventually(|| visitor.dialog().title(), "Sign in");
    eventually(|| visitor.dialog().text().contains("you need an invite"), true);
    assert!(!visitor.dialog().text().contains("Create account"), "{}", visitor.dialog().text());
    visitor.dialog().press("Cancel");
    visitor.sidebar().settings();
    eventually(|| visitor.dialog().title(), "Settings");
    eventually(|| visitor.dialog().text().contains("Create account"), false);
}
