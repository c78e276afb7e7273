//! Pictures of people and rooms: chosen, cropped, seen live by others, and removed.

use serde_json::json;
use shared::members::member_path;
use thirtyfour::prelude::Key;

use crate::members::member;
use crate::stage;
use crate::wait::{eventually, eventually_where};

/// Both halves of a picture are seen.
fn halves() -> Option<(String, String)> {
    Some(("red".to_owned(), "blue".to_owned()))
}

#[test]
// reference: presence-online
fn a_new_avatar_is_seen_live_by_others_and_without_it_the_initials_come_back() {
    let stage = stage::together();
    let lobby = stage.app.lobby().id;
    let ada_by_api = stage.app.member("Ada Lovelace");
    ada_by_api.send(lobby, "said before");
    let (grace, _) = stage.guest("Grace");
    let path = format!("/rooms/{lobby}");
    grace.open(&path);
    let ada = member(&stage, "Ada Lovelace", &path);
    eventually(|| ada.room().texts(), ["said before"]);
    eventually(|| grace.room().texts(), ["said before"]);
    assert_eq!(grace.pictures_in("main, .people"), 0);

    ada.open_settings("Profile");
    ada.choose_picture(400, 200);
    eventually(|| ada.is_cropping(), true);
    eventually(|| ada.focused(), "canvas crop");
    ada.account().press("Save picture");
    eventually(|| ada.account().done(), "Saved");
    eventually(|| ada.focused(), "button Choose a picture…");
    eventually(|| ada.picture_in(".avatar-editor"), halves());
    for place in [".message", ".people"] {
        eventually(|| grace.picture_in(place), halves());
        eventually(|| ada.picture_in(place), halves());
    }
    eventually(|| ada.picture_in("#sidebar .session"), halves());
    grace.room().choose_person("Ada Lovelace");
    eventually(|| grace.picture_in(".person-card"), halves());
    grace.dialog().press("Done");

    ada.dialog().press("Remove");
    eventually(|| ada.focused(), "button Choose a picture…");
    eventually(|| ada.picture_buttons(), ["Choose a picture…"]);
    for person in [&ada, &grace] {
        eventually(|| person.pictures_in("#sidebar, main, .people"), 0);
    }
}

#[test]
fn a_picture_is_cropped_by_keys_by_the_slider_and_by_dragging() {
    let stage = stage::alone();
    stage.app.member("Ada");
    let ada = member(&stage, "Ada", "/rooms");
    ada.open_settings("Profile");
    ada.paste_picture(400, 200);
    eventually(|| ada.focused(), "canvas crop");
    eventually(|| ada.cropped_edges(), ("red".to_owned(), "blue".to_owned()));
    for _ in 0..10 {
        ada.chrome.press(Key::Right);
    }
    eventually(|| ada.cropped_edges(), ("red".to_owned(), "red".to_owned()));
    for _ in 0..20 {
        ada.chrome.press(Key::Left);
    }
    eventually(|| ada.cropped_edges(), ("blue".to_owned(), "blue".to_owned()));
    ada.chrome.type_text("++");
    eventually(|| ada.crop_zoom(), "121 %");
    ada.chrome.type_text("-");
    eventually(|| ada.crop_zoom(), "110 %");
    // The picture follows the pointer to the corner, which shows its left half.
    ada.chrome.drag_right("#crop", 250);
    eventually(|| ada.cropped_edges(), ("red".to_owned(), "blue".to_owned()));
    ada.chrome.press(Key::Tab);
    eventually(|| ada.focused(), "input crop-zoom");
    ada.chrome.press(Key::End);
    eventually(|| ada.crop_zoom(), "400 %");
    ada.account().press("Cancel");
    eventually(|| ada.focused(), "button Choose a picture…");
    assert_eq!(ada.picture_buttons(), ["Choose a picture…"], "nothing was saved");
}

#[test]
fn a_file_that_is_no_picture_is_refused_with_words_and_so_is_what_the_server_refuses() {
    let stage = stage::alone();
    stage.app.member("Ada");
    let ada = member(&stage, "Ada", "/rooms");
    ada.open_settings("Profile");
    ada.choose_text();
    eventually_where(
        || ada.account().whole_error(),
        "the reason",
        |words| words.starts_with("This file cannot be shown as a picture."),
    );
    ada.choose_picture(64, 64);
    eventually(|| ada.is_cropping(), true);
    assert_eq!(ada.account().whole_error(), "", "it is another file");
    stage.network.fail("PUT /api/v1/users/me/avatar");
    ada.account().press("Save picture");
    eventually_where(|| ada.account().whole_error(), "the reason", |words| !words.is_empty());
    assert!(ada.is_cropping(), "nothing is lost");
    stage.network.mend();
    ada.account().press("Save picture");
    eventually(|| ada.account().done(), "Saved");
}

#[test]
// reference: rooms-appear-live
fn a_room_gets_a_picture_by_a_moderator_and_everybody_sees_it() {
    let stage = stage::together();
    let (ada, linus) = (stage.app.member("Ada"), stage.app.member("Linus"));
    let room = ada.create_room("Design");
    ada.put(&member_path(room.id, linus.user().id), &json!({ "role": "moderator" })).expect(201);
    let path = format!("/rooms/{}", room.id);
    let (watcher, _) = stage.guest("Grace");
    watcher.open(&path);
    eventually(|| watcher.room().name(), "Design");
    watcher.open_room_dialog("About");
    assert_eq!(watcher.picture_buttons(), [""; 0], "it is not theirs");
    watcher.dialog().press("Done");

    let moderator = member(&stage, "Linus", &path);
    moderator.open_room_dialog("About");
    moderator.choose_picture(300, 300);
    eventually(|| moderator.is_cropping(), true);
    moderator.account().press("Save picture");
    for person in [&moderator, &watcher] {
        for place in [".room-title", "#sidebar .room-link[aria-current]"] {
            eventually(|| person.picture_in(place), halves());
        }
    }
    moderator.dialog().press("Remove");
    eventually(|| watcher.pictures_in("#sidebar, .room-title"), 0);
    moderator.dialog().press("Done");
}
