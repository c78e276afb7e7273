//! Reading back, and not being disturbed at it.

use support::client::TestClient;

use crate::chrome::screen::Screen;
use crate::pages::{LOAD_PREVIOUS, Person};
use crate::stage::{self, Stage};
use crate::wait::{eventually, eventually_where};

/// "message 5" to "message 7" for 5 and 7.
fn messages(first: usize, last: usize) -> Vec<String> {
    (first..=last).map(|number| format!("message {number}")).collect()
}

/// A reader at the end of a room with 75 messages. Until the network is mended, older ones cannot be loaded.
fn reader_at_the_end(stage: &Stage) -> Person<'_> {
    let (_, room) = stage.room_with_messages("History", 75);
    let reader = stage.person();
    stage.network.fail("before=");
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().texts(), messages(46, 75));
    eventually(|| reader.room().is_at_end(), true);
    reader
}

#[track_caller]
fn assert_still(reader: &Person<'_>, (text, place): &(String, f64)) {
    let now = reader.room().place_of(text);
    assert!((now - place).abs() <= 1.0, "{text} was at {place} and is at {now}");
}

#[test]
// reference: messages-history
fn older_messages_load_on_demand_without_moving_the_view() {
    let stage = stage::alone();
    let reader = reader_at_the_end(&stage);
    eventually(|| reader.room().top(), LOAD_PREVIOUS);

    reader.room().scroll_up(100_000);
    eventually(|| reader.room().scrolled(), 0.0);
    eventually(|| reader.room().top(), LOAD_PREVIOUS);
    let before = reader.room().first_in_view();
    assert_eq!(before.0, "message 46");
    stage.network.mend();
    reader.room().load_previous();
    eventually_where(|| reader.room().texts(), "older messages", |texts| texts.len() > 30);
    assert_still(&reader, &before);

    reader.room().scroll_up(100_000);
    eventually(|| reader.room().texts(), messages(1, 75));
    eventually(|| reader.room().top(), "This is the beginning of History.");
}

#[test]
// reference: messages-plain-text
fn new_messages_scroll_only_readers_at_the_end() {
    let stage = stage::alone();
    let (maker, room) = stage.room_with_messages("History", 30);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().is_at_end() && reader.room().texts().len() == 30, true);
    maker.send(room.id, "at the end");
    eventually(|| reader.room().texts().last().cloned(), Some("at the end".to_owned()));
    eventually(|| reader.room().is_at_end(), true);
    assert_eq!(reader.room().jump(), "");

    reader.room().scroll_up(400);
    eventually(|| reader.room().jump(), "Jump to latest");
    let before = reader.room().first_in_view();
    maker.send(room.id, "unseen 1");
    maker.send(room.id, "unseen 2");
    eventually(|| reader.room().jump(), "Jump to latest (2)");
    eventually(|| reader.room().texts().len(), 33);
    assert_still(&reader, &before);
    assert_eq!(reader.sidebar().unread("History"), 2);
    reader.room().jump_to_latest();
    eventually(|| reader.room().is_at_end(), true);
    eventually(|| reader.room().jump(), "");
    eventually(|| reader.sidebar().unread("History"), 0);
}

#[test]
// reference: messages-plain-text
fn many_messages_at_once_keep_a_reader_at_the_end() {
    let stage = stage::alone();
    let (maker, room) = stage.room_with_messages("History", 20);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().is_at_end() && reader.room().texts().len() == 20, true);
    for number in 1..=60 {
        maker.send(room.id, &format!("{number}\non\nseveral\nlines"));
    }
    eventually(|| reader.room().texts().len(), 80);
    eventually(|| reader.room().is_at_end(), true);
    assert_eq!(reader.room().jump(), "");
}

#[test]
// reference: messages-plain-text
fn a_reader_at_the_end_stays_there_when_the_screen_changes() {
    let stage = stage::alone();
    let (maker, room) = stage.room_with_messages("History", 5);
    maker.send(room.id, &"a rather long sentence that needs several lines on a phone. ".repeat(2));
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().texts().len(), 6);
    maker.send_many(room.id, 10);
    eventually(|| reader.room().texts().len(), 16);
    let narrow = Screen { height: 400, ..Screen::PHONE };
    for screen in [Screen::PHONE, narrow, Screen::WIDE, narrow, Screen::PHONE] {
        reader.chrome.show_on(screen);
        reader.let_it_settle();
        eventually(|| reader.room().is_at_end(), true);
        assert_eq!(reader.room().jump(), "", "on {screen:?}");
    }
}

#[test]
// reference: messages-history
fn edits_and_deletions_above_do_not_move_the_view() {
    let stage = stage::alone();
    let maker = stage.app.guest("Maker");
    let room = maker.create_room("History");
    let sent = maker.send_many(room.id, 60);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().is_at_end() && reader.room().texts().len() == 30, true);
    // Whoever scrolls up gets the page above.
    reader.room().scroll_up(300);
    eventually(|| reader.room().texts().len(), 60);
    eventually(|| reader.room().jump(), "Jump to latest");
    let before = reader.room().first_in_view();
    maker.edit(&sent[0], &"now on several lines\n".repeat(6));
    maker.delete_message(&sent[1]);
    eventually_where(
        || reader.room().texts(),
        "both changes",
        |texts| texts[0].starts_with("now") && texts[1] == "This message was deleted.",
    );
    assert_still(&reader, &before);
}

#[track_caller]
fn speak(maker: &TestClient, room: shared::ids::RoomId, count: usize) {
    for number in 1..=count {
        maker.send(room, &format!("unread {number}"));
    }
}

#[test]
// reference: messages-history
fn unread_messages_are_counted_and_marked_by_a_divider() {
    let stage = stage::alone();
    let (maker, room) = stage.room_with_messages("History", 3);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().texts(), messages(1, 3));
    assert!(reader.room().separators().iter().all(|(what, _)| what != "New"), "all of it is history");
    reader.sidebar().choose("Lobby");
    eventually(|| reader.room().name(), "Lobby");
    assert_eq!(reader.sidebar().unread("History"), 0);
    speak(&maker, room.id, 2);
    eventually(|| reader.sidebar().unread("History"), 2);
    assert_eq!(reader.title(), "Lobby · Parlance", "nobody is mentioned");

    reader.sidebar().choose("History");
    eventually(|| reader.room().texts().len(), 5);
    let divider = ("New".to_owned(), "unread 1".to_owned());
    eventually(|| reader.room().separators().contains(&divider), true);
    eventually(|| reader.sidebar().unread("History"), 0);
    eventually(|| reader.sidebar().unread("History"), 0);
    assert!(reader.room().separators().contains(&divider), "it stays until one leaves the room");
    reader.sidebar().choose("Lobby");
    eventually(|| reader.room().name(), "Lobby");
    reader.sidebar().choose("History");
    eventually(|| reader.room().texts().len(), 5);
    assert!(!reader.room().separators().contains(&divider));

    reader.open("/rooms");
    speak(&maker, room.id, 1);
    eventually(|| reader.sidebar().unread("History"), 1);
    reader.reload();
    eventually(|| reader.sidebar().unread("History"), 1);
}

#[test]
// reference: messages-history
fn a_link_leads_to_an_old_message_and_from_there_to_the_newest() {
    let stage = stage::alone();
    let maker = stage.app.guest("Maker");
    let room = maker.create_room("History");
    let old = &maker.send_many(room.id, 75)[19];
    let reader = stage.person();
    reader.open(&format!("/rooms/{}/messages/{}", room.id, old.id));
    eventually(|| reader.room().pointed(), "message 20");
    eventually_where(
        || reader.room().place_of("message 20"),
        "a place on the screen",
        |place| (60.0..700.0).contains(place),
    );
    // Around it, the list asks for more in both directions, and the message stays where it is.
    eventually(|| reader.room().texts().contains(&"message 50".to_owned()), true);
    let place = reader.room().place_of("message 20");
    assert!((60.0..700.0).contains(&place), "it has gone to {place}");
    eventually(|| reader.room().jump().starts_with("Jump to latest"), true);
    reader.room().jump_to_latest();
    eventually(|| reader.room().texts().last().cloned(), Some("message 75".to_owned()));
    eventually(|| reader.room().is_at_end(), true);
    eventually(|| reader.address(), format!("/rooms/{}", room.id));
}

#[test]
fn a_message_keeps_the_focus_while_older_ones_arrive() {
    let stage = stage::alone();
    let reader = reader_at_the_end(&stage);
    reader.room().focus_on("message 46");
    eventually(|| reader.room().top(), LOAD_PREVIOUS);
    stage.network.mend();
    // Scrolling loads the page. A click on the button would move the focus.
    reader.room().scroll_up(-50);
    reader.chrome.let_it_paint();
    reader.room().scroll_up(50);
    eventually(|| reader.room().texts().len() > 30, true);
    assert_eq!(reader.room().focused(), "message 46");
}

#[test]
// reference: pages-room
fn a_page_that_comes_after_going_back_changes_nothing() {
    let stage = stage::alone();
    let (_, room) = stage.room_with_messages("Design", 200);
    let old = stage.app.anonymous().whole_history(room.id)[20].clone();
    let text = old.text.clone().expect("a text");
    let reader = stage.person();
    reader.open(&format!("/rooms/{}/messages/{}", room.id, old.id));
    eventually(|| reader.room().pointed(), text.clone());
    stage.network.hold(&format!("GET /api/v1/rooms/{}/messages", room.id));
    reader.room().jump_to_latest();
    eventually(|| reader.address(), format!("/rooms/{}", room.id));
    reader.chrome.back();
    eventually(|| reader.address(), format!("/rooms/{}/messages/{}", room.id, old.id));
    stage.network.release();
    reader.let_it_settle();
    assert!(reader.room().texts().contains(&text), "{:?}", reader.room().texts());
}
