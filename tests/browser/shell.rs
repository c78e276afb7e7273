//! Addresses, back and reload; what is not found, what takes long, what is told.

use crate::chrome::screen::Screen;
use crate::stage;
use crate::wait::eventually;

#[test]
// reference: pages-room
fn moving_between_rooms_changes_the_address_without_a_page_load_and_back_and_reload_work() {
    let stage = stage::alone();
    let (maker, design) = stage.room_with_messages("Design", 2);
    let lobby = stage.app.lobby();
    maker.send(lobby.id, "Welcome");
    let reader = stage.person();
    reader.open("/rooms");
    reader.mark_page();
    reader.sidebar().choose("Lobby");
    eventually(|| reader.address(), format!("/rooms/{}", lobby.id));
    eventually(|| reader.room().texts(), ["Welcome"]);
    reader.sidebar().choose("Design");
    eventually(|| reader.address(), format!("/rooms/{}", design.id));
    eventually(|| reader.room().texts(), ["message 1", "message 2"]);
    assert_eq!(reader.sidebar().current().as_deref(), Some("Design"));
    assert_eq!(reader.sidebar().names(), ["Lobby", "Design"]);
    reader.chrome.back();
    eventually(|| reader.room().texts(), ["Welcome"]);
    assert_eq!(reader.address(), format!("/rooms/{}", lobby.id));
    reader.chrome.back();
    eventually(|| reader.heading(), "Pick a room, or make one");
    assert!(reader.is_on_marked_page(), "no page was loaded");
    reader.chrome.forward();
    eventually(|| reader.room().texts(), ["Welcome"]);

    reader.reload();
    assert!(!reader.is_on_marked_page());
    eventually(|| reader.room().texts(), ["Welcome"]);
    assert_eq!(reader.address(), format!("/rooms/{}", lobby.id));
    eventually(|| reader.sidebar().current(), Some("Lobby".to_owned()));
}

#[test]
// reference: pages-not-found
fn an_unknown_room_shows_a_page_with_a_way_back() {
    let stage = stage::alone();
    let reader = stage.person();
    for unknown in [&support::builders::unknown_room_id().to_string(), "no-id-at-all"] {
        reader.open(&format!("/rooms/{unknown}"));
        eventually(|| reader.heading(), "There is nothing here");
        assert_eq!(reader.sidebar().names(), ["Lobby"], "the rooms are at hand");
        reader.chrome.click(("main a", "Back to the rooms"));
        eventually(|| reader.heading(), "Pick a room, or make one");
        assert_eq!(reader.address(), "/rooms");
    }
}

#[test]
// reference: pages-progress
fn a_room_that_loads_slowly_shows_a_progress_bar() {
    let stage = stage::alone();
    let (_, room) = stage.room_with_messages("Slow", 2);
    let reader = stage.person();
    reader.open("/rooms");
    assert!(!reader.progress_is_shown());
    stage.network.hold(&format!("/rooms/{}/messages", room.id));
    reader.time_the_progress();
    reader.sidebar().choose("Slow");
    eventually(|| reader.progress_is_shown(), true);
    let after = reader.progress_came_after();
    assert!(after >= 300.0, "what comes quickly shows no bar, but it came after {after} ms");
    stage.network.release();
    eventually(|| reader.room().texts(), ["message 1", "message 2"]);
    eventually(|| reader.progress_is_shown(), false);
}

#[test]
fn what_waits_for_the_next_frame_is_dropped_with_its_room() {
    let stage = stage::alone();
    let (adam, by_api) = stage.guest("Adam");
    let (design, other) = (by_api.create_room("Design"), by_api.create_room("Other"));
    by_api.send(other.id, "hello");
    adam.open(&format!("/rooms/{}", design.id));
    eventually(|| adam.room().words(".composer-tools").len(), 1);
    adam.hold_frames();
    adam.room().write("a draft");
    adam.sidebar().choose("Other");
    eventually(|| adam.room().texts(), ["hello"]);
    // The browser's complaints are looked at in the end.
    adam.let_frames_come();
    eventually(|| adam.room().draft(), "");
}

#[test]
// reference: pages-toasts
fn notices_appear_at_the_top_right_are_announced_and_disappear_when_clicked() {
    let stage = stage::alone();
    let lobby = stage.app.lobby().id;
    let (adam, adam_by_api) = stage.guest("Adam");
    let room = adam_by_api.create_room("Design");
    adam.open(&format!("/rooms/{lobby}/messages/{}", support::builders::new_message_id()));
    eventually(|| adam.toasts().texts(), ["That message is not in this room."]);
    let (top, right) = adam.toasts().distance_from_corner();
    assert!((0.0..60.0).contains(&top) && (0.0..60.0).contains(&right), "{top}, {right}");
    adam.toasts().dismiss();
    eventually(|| adam.toasts().texts(), [""; 0]);

    adam.open(&format!("/rooms/{}", room.id));
    adam.room().say("Hello");
    eventually(|| adam.room().rows().iter().filter(|row| !row.is_pending).count(), 1);
    stage.network.fail("DELETE /api/v1/rooms/");
    adam.room().press_on("Hello", "Delete message");
    adam.dialog().press("Delete");
    eventually(|| adam.toasts().texts(), ["The server could not be reached."]);
    assert_eq!(adam.room().texts(), ["Hello"], "it is still there");
    adam.toasts().click();
    eventually(|| adam.toasts().texts(), [""; 0]);
}

#[test]
// reference: pages-toasts
fn a_dialog_that_could_not_be_loaded_opens_at_the_next_try() {
    let stage = stage::alone();
    let reader = stage.person();
    stage.network.fail("GET /later-");
    reader.open("/rooms");
    reader.sidebar().settings();
    eventually(
        || reader.toasts().texts(),
        ["A part of Parlance could not be loaded. Try again, or reload the page."],
    );
    assert!(!reader.dialog().is_open());
    stage.network.mend();
    reader.sidebar().settings();
    eventually(|| reader.dialog().title(), "Settings");
}

#[test]
// reference: pages-toasts
fn a_page_that_could_not_be_loaded_is_loaded_again() {
    let stage = stage::alone();
    let reader = stage.person();
    stage.network.fail("GET /later-");
    reader.open("/reset#token");
    eventually(|| reader.page_failure(), "This page could not be loaded");
    stage.network.mend();
    reader.press_in_page("Try again");
    eventually(|| reader.heading(), "Choose a new password");
    eventually(|| reader.whole_address(), "/reset");
}

#[test]
// reference: messages-compose
fn the_chosen_theme_outlives_a_reload() {
    let stage = stage::alone();
    let reader = stage.person();
    reader.open("/rooms");
    assert!(!reader.is_dark());
    reader.sidebar().settings();
    reader.dialog().open_section("Appearance");
    reader.dialog().choose("Dark");
    eventually(|| reader.is_dark(), true);
    reader.reload();
    assert!(reader.is_dark());
    reader.sidebar().settings();
    reader.dialog().open_section("Appearance");
    reader.dialog().choose("Same as the system");
    eventually(|| reader.is_dark(), false);
    reader.chrome.show_on(Screen::WIDE.dark());
    eventually(|| reader.is_dark(), true);
}

#[test]
// reference: pages-room
fn a_room_is_found_by_keyboard() {
    let stage = stage::alone();
    let (_, _) = stage.room_with_messages("Gardening", 1);
    let reader = stage.person();
    reader.open("/rooms");
    reader.chrome.press_with_control('k');
    reader.dialog().answer("grdn");
    eventually(|| reader.room().name(), "Gardening");
    eventually(|| reader.room().texts(), ["message 1"]);
}
