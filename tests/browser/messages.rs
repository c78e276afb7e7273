//! Messages are edited and deleted where they stand; drafts and plain text.

use crate::chrome::screen::Screen;
use crate::stage;
use crate::wait::{eventually, eventually_where};

#[test]
// reference: messages-edit-delete, messages-row
fn authors_edit_their_messages_in_place_and_everybody_sees_it() {
    let stage = stage::together();
    let lobby = stage.app.lobby();
    let (adam, adam_by_api) = stage.guest("Adam");
    let (grace, _) = stage.guest("Grace");
    adam_by_api.send(lobby.id, "Good mornign");
    for person in [&adam, &grace] {
        person.open(&format!("/rooms/{}", lobby.id));
        eventually(|| person.room().texts(), ["Good mornign"]);
    }
    eventually(|| grace.room().buttons_of("Good mornign"), ["Add reaction", "Reply", "Copy link"].as_slice());
    eventually(
        || adam.room().buttons_of("Good mornign"),
        ["Add reaction", "Reply", "Mark unread", "Copy link", "Edit message", "Delete message"].as_slice(),
    );

    adam.room().press_on("Good mornign", "Edit message");
    adam.room().rewrite_message("x");
    eventually(|| adam.room().edit_error(), "A message needs at least 2 characters.");
    adam.room().rewrite_message(&"a".repeat(151));
    eventually(|| adam.room().edit_error(), "A message can have at most 150 characters.");
    adam.room().cancel_edit();
    eventually(|| adam.room().texts(), ["Good mornign"]);
    adam.room().press_on("Good mornign", "Edit message");
    adam.room().rewrite_message("Good morning");
    for person in [&grace, &adam] {
        eventually(|| person.room().texts(), ["Good morning"]);
        let edited = person.room().rows()[0].edited.clone();
        assert!(edited.starts_with("Edited ") && edited.contains(':'), "when it was edited: {edited:?}");
    }
    assert!(!adam.room().is_editing());
}

#[test]
// reference: messages-edit-delete
fn authors_delete_their_messages_after_a_confirmation_for_everybody() {
    let stage = stage::together();
    let lobby = stage.app.lobby();
    let (adam, adam_by_api) = stage.guest("Adam");
    let (grace, _) = stage.guest("Grace");
    adam_by_api.send_many(lobby.id, 2);
    for person in [&adam, &grace] {
        person.open(&format!("/rooms/{}", lobby.id));
        eventually(|| person.room().texts(), ["message 1", "message 2"]);
    }
    eventually(|| adam.room().buttons_of("message 1").len(), 6);
    adam.room().press_on("message 1", "Delete message");
    eventually(|| adam.dialog().title(), "Delete this message?");
    adam.dialog().press("Cancel");
    eventually(|| adam.dialog().title(), "");
    assert_eq!(adam.room().texts(), ["message 1", "message 2"]);
    adam.room().press_on("message 1", "Delete message");
    adam.dialog().press("Delete");
    for person in [&grace, &adam] {
        eventually(|| person.room().texts(), ["This message was deleted.", "message 2"]);
    }
    adam.room().point_at("This message was deleted.");
    assert_eq!(adam.room().toolbar(), [""; 0], "nothing can be done with what is gone");
}

#[test]
// reference: messages-compose
fn a_draft_belongs_to_its_room_and_outlives_a_reload() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam");
    adam_by_api.create_room("Design");
    adam.open(&format!("/rooms/{}", stage.app.lobby().id));
    adam.room().write("For the lobby");
    adam.sidebar().choose("Design");
    eventually(|| adam.room().name(), "Design");
    eventually(|| adam.room().draft(), "");
    adam.room().write("For designers");
    adam.sidebar().choose("Lobby");
    eventually(|| adam.room().draft(), "For the lobby");
    adam.reload();
    eventually(|| adam.room().draft(), "For the lobby");
    adam.sidebar().choose("Design");
    eventually(|| adam.room().draft(), "For designers");
}

#[test]
// reference: messages-plain-text
fn long_words_wrap_and_lines_stay_lines() {
    let stage = stage::alone();
    let lobby = stage.app.lobby();
    let writer = stage.app.guest("Writer");
    let long = "w".repeat(150);
    writer.send(lobby.id, &long);
    writer.send(lobby.id, "one\ntwo");
    let reader = stage.person();
    reader.chrome.show_on(Screen::PHONE);
    reader.open(&format!("/rooms/{}", lobby.id));
    eventually(|| reader.room().texts(), [long.as_str(), "one\ntwo"]);
    let heights = eventually_where(
        || reader.room().heights(),
        "a long word on several lines, and two lines on two",
        |heights| matches!(heights[..], [long, two] if long > two && two > 0.0),
    );
    assert!(heights[0] >= 2.0 * heights[1], "150 letters on a phone: {heights:?}");
    assert!(!reader.scrolls_sideways());
}
