//! Rooms are made, renamed and deleted, before the eyes of others.

use support::wait::until;

use crate::stage;
use crate::wait::eventually;

#[test]
// reference: rooms-create, rooms-name-rules, rooms-appear-live, rooms-list
fn a_room_is_created_with_a_valid_name_and_appears_at_the_end_of_every_list() {
    let stage = stage::together();
    let (adam, adam_by_api) = stage.guest("Adam");
    adam_by_api.create_room("Design");
    let watcher = stage.person();
    watcher.open("/rooms");
    assert_eq!(watcher.sidebar().names(), ["Lobby", "Design"]);
    assert_eq!(watcher.sidebar().end(), "There are no more rooms.");

    adam.open("/rooms");
    adam.sidebar().create_new();
    let form = adam.room_form();
    form.write("a".repeat(81).as_str());
    eventually(|| form.state().error, "A room's name can have at most 80 characters.");
    assert!(form.state().is_invalid);
    form.write(" \u{200b} ");
    eventually(|| form.state().error, "A room's name is required.");
    form.write("DESIGN");
    eventually(|| form.state().error, "");
    form.submit();
    eventually(|| form.state().error, "There is a room with that name already.");
    assert!(form.state().is_invalid);
    assert_eq!(adam.address(), "/rooms");

    form.write("  Gardening  ");
    stage.network.hold("POST /api/v1/rooms ");
    form.press("Create room");
    eventually(|| form.button(), "Working…");
    stage.network.release();
    eventually(|| adam.room().name(), "Gardening");
    assert!(adam.address().starts_with("/rooms/"), "the new room is open: {}", adam.address());
    eventually(|| watcher.sidebar().names(), ["Lobby", "Design", "Gardening"]);
    assert_eq!(adam.sidebar().names(), ["Gardening", "Design", "Lobby"], "those they are in come first");

    adam.sidebar().create_new();
    eventually(|| adam.dialog().title(), "Create a room");
    assert_eq!(form.value(), "", "the form is clear again");
}

#[test]
// reference: rooms-create
fn an_anonymous_visitor_chooses_a_name_before_creating_a_room() {
    let stage = stage::alone();
    let newcomer = stage.person();
    newcomer.open("/rooms");
    newcomer.sidebar().create_new();
    eventually(|| newcomer.dialog().title(), "What should we call you?");
    newcomer.dialog().answer("Ada");
    eventually(|| newcomer.dialog().error(), "Your name needs at least 4 characters.");
    newcomer.dialog().answer("m Lovelace");
    eventually(|| newcomer.dialog().title(), "Create a room");
    newcomer.room_form().write("Gardening");
    newcomer.room_form().submit();
    eventually(|| newcomer.room().name(), "Gardening");
    eventually(|| newcomer.room().people(), ["Adam Lovelace"]);
}

#[test]
// reference: rooms-rename-in-place
fn a_room_is_renamed_in_place_and_an_invalid_name_is_explained() {
    let stage = stage::together();
    let (adam, adam_by_api) = stage.guest("Adam");
    let room = adam_by_api.create_room("Design");
    let watcher = stage.person();
    for person in [&adam, &watcher] {
        person.open(&format!("/rooms/{}", room.id));
        eventually(|| person.room().name(), "Design");
    }
    eventually(|| adam.room().header_buttons().contains(&"Rename room".to_owned()), true);
    assert!(!watcher.room().header_buttons().contains(&"Rename room".to_owned()), "it is not theirs");

    adam.room().press("Rename room");
    eventually(|| adam.room().is_renaming(), true);
    adam.room().press("Rename room");
    eventually(|| adam.room().is_renaming(), false);
    adam.room().press("Rename room");
    let form = adam.room().rename_form();
    eventually(|| form.value(), "Design");
    form.write("lobby");
    form.submit();
    eventually(|| form.state().error, "There is a room with that name already.");
    form.write("a".repeat(81).as_str());
    eventually(|| form.state().error, "A room's name can have at most 80 characters.");
    assert_eq!(watcher.room().name(), "Design");
    form.write("Drawing");
    form.submit();
    eventually(|| watcher.room().name(), "Drawing");
    eventually(|| watcher.sidebar().names(), ["Lobby", "Drawing"]);
    eventually(|| watcher.title(), "Drawing · Parlance");
    eventually(|| adam.room().is_renaming(), false);
    assert_eq!(adam.room().name(), "Drawing");
    assert_eq!(adam.sidebar().names(), ["Drawing", "Lobby"]);
}

#[test]
// reference: rooms-delete
fn a_room_is_deleted_after_a_confirmation_and_its_users_are_notified() {
    let stage = stage::together();
    let (adam, adam_by_api) = stage.guest("Adam");
    let room = adam_by_api.create_room("Design");
    adam_by_api.send_many(room.id, 2);
    let inside = stage.person();
    for person in [&adam, &inside] {
        person.open(&format!("/rooms/{}", room.id));
        eventually(|| person.room().texts().len(), 2);
    }
    inside.open_room_dialog("Leave");
    assert!(!inside.dialog().text().contains("Delete"), "it is not theirs");
    inside.dialog().press("Done");
    inside.mark_page();

    adam.open_room_dialog("Leave or delete");
    adam.dialog().press("Delete room…");
    eventually(|| adam.dialog().title(), "Delete Design and its 2 messages?");
    adam.dialog().press("Cancel");
    eventually(|| adam.dialog().title(), "Design");
    assert_eq!(adam_by_api.room(room.id).name.as_str(), "Design");
    adam.dialog().press("Delete room…");
    adam.dialog().press("Delete room");
    for person in [&adam, &inside] {
        eventually(|| person.address(), "/rooms");
        eventually(|| person.toasts().all_texts(), ["Design has been deleted."]);
        eventually(|| person.sidebar().names(), ["Lobby"]);
    }
    assert!(inside.is_on_marked_page(), "no page load");
    assert_eq!(adam_by_api.get(&shared::rooms::room_path(room.id)).status, 404);
}

#[test]
// reference: rooms-list
fn the_list_shows_thirty_rooms_and_more_on_demand() {
    let stage = stage::alone();
    let maker = stage.app.guest("Maker");
    let made = (1..=34).map(|number| maker.create_room(&format!("Room {number}")).name.as_str().to_owned());
    let all: Vec<_> = std::iter::once("Lobby".to_owned()).chain(made).collect();
    let reader = stage.person();
    reader.open("/rooms");
    assert_eq!(reader.sidebar().names(), all[..30]);
    assert_eq!(reader.sidebar().end(), "Load more rooms…");
    reader.sidebar().load_more();
    eventually(|| reader.sidebar().names(), all.clone());
    eventually(|| reader.sidebar().end(), "There are no more rooms.");
    let newest = maker.create_room("The newest");
    until("the newest room", || {
        (reader.sidebar().names().last().map(String::as_str) == Some(newest.name.as_str())).then_some(())
    });
}

#[test]
// reference: rooms-list
fn rooms_that_are_created_or_deleted_while_a_reader_is_away_are_known_when_they_return() {
    let stage = stage::alone();
    let maker = stage.app.guest("Maker");
    let made: Vec<_> = (1..=34).map(|number| maker.create_room(&format!("Room {number}"))).collect();
    let reader = stage.person();
    reader.open("/rooms");
    eventually(|| reader.sidebar().end(), "Load more rooms…");
    reader.sidebar().load_more();
    eventually(|| reader.sidebar().end(), "There are no more rooms.");

    stage.network.cut();
    maker.delete_room(made[2].id);
    maker.create_room("Made meanwhile");
    stage.network.mend();
    eventually(|| reader.sidebar().names().last().cloned(), Some("Made meanwhile".to_owned()));
    let names = reader.sidebar().names();
    assert_eq!((names.len(), names.contains(&"Room 3".to_owned())), (35, false), "{names:?}");
}

#[test]
// reference: rooms-list
fn a_search_asks_the_server_before_it_says_that_there_is_no_such_room() {
    let stage = stage::alone();
    let maker = stage.app.guest("Maker");
    for number in 1..=34 {
        maker.create_room(&format!("Room {number}"));
    }
    let reader = stage.person();
    reader.open("/rooms");
    eventually(|| reader.sidebar().end(), "Load more rooms…");
    stage.network.fail("cursor=");
    reader.chrome.press_with_control('k');
    reader.chrome.write("dialog[open] input", "Room 34");
    eventually(|| reader.dialog().search_result(), "No room found yet.");
    stage.network.mend();
    reader.dialog().close();
    reader.chrome.press_with_control('k');
    reader.chrome.write("dialog[open] input", "Room 34");
    eventually(|| reader.dialog().search_result(), "Room 34");
    reader.chrome.rewrite("dialog[open] input", "Room 35");
    eventually(|| reader.dialog().search_result(), "No room is called that.");
    stage.network.cut();
    eventually(|| reader.dialog().search_result(), "No room found yet.");
    stage.network.mend();
    eventually(|| reader.dialog().search_result(), "No room is called that.");
}

#[test]
// reference: rooms-list
fn an_unread_message_beyond_the_first_page_of_rooms_is_counted_after_a_reload() {
    let stage = stage::alone();
    let maker = stage.app.guest("Maker");
    let made: Vec<_> = (1..=34).map(|number| maker.create_room(&format!("Room {number}"))).collect();
    let last = made.last().expect("34 rooms");
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", last.id));
    eventually(|| reader.room().name(), "Room 34");
    reader.open("/rooms");
    maker.send(last.id, "news");
    eventually(|| reader.sidebar().unread("Room 34"), 1);
}
