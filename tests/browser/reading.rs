//! Coming back to where one was: unread messages, links, and the browser's Back.

use support::client::TestClient;

use crate::pages::Person;
use crate::stage::{self, Stage};
use crate::wait::{eventually, eventually_where};

fn divider() -> (String, String) {
    ("New".to_owned(), "unread 1".to_owned())
}

#[track_caller]
fn has_divider(reader: &Person<'_>) -> bool {
    reader.room().separators().contains(&divider())
}

/// A reader who has read three messages in a room, left it, and has then missed others.
fn with_unread(stage: &Stage, count: usize) -> (Person<'_>, TestClient, String) {
    let (maker, room) = stage.room_with_messages("History", 3);
    let path = format!("/rooms/{}", room.id);
    let reader = stage.person();
    reader.open(&path);
    eventually(|| reader.room().texts().len(), 3);
    reader.open("/rooms");
    for number in 1..=count {
        maker.send(room.id, &format!("unread {number}"));
    }
    let count = u32::try_from(count).expect("a small number");
    eventually(|| reader.sidebar().unread("History"), count);
    (reader, maker, path)
}

#[test]
// reference: messages-history
fn the_divider_is_there_after_a_reload() {
    let stage = stage::alone();
    let (reader, _, path) = with_unread(&stage, 2);
    reader.reload();
    eventually(|| reader.sidebar().unread("History"), 2);
    reader.open(&path);
    eventually(|| has_divider(&reader), true);
    eventually(|| reader.sidebar().unread("History"), 0);
    assert!(has_divider(&reader), "it stays until one leaves the room");
    reader.reload();
    eventually(|| reader.room().texts().len(), 5);
    assert!(!has_divider(&reader), "all of it is read");
}

#[test]
// reference: messages-history
fn more_than_a_page_unread_opens_at_the_first_unread_message() {
    let stage = stage::alone();
    let (reader, _, path) = with_unread(&stage, 45);
    reader.open(&path);
    eventually(|| has_divider(&reader), true);
    eventually_where(
        || reader.room().place_of("unread 1"),
        "the first unread message in view",
        |place| (60.0..700.0).contains(place),
    );
    assert!(!reader.room().is_at_end());
    assert_eq!(reader.sidebar().unread("History"), 45, "they are not seen yet");
    reader.room().jump_to_latest();
    eventually(|| reader.room().texts().last().cloned(), Some("unread 45".to_owned()));
    eventually(|| reader.room().is_at_end(), true);
    eventually(|| reader.sidebar().unread("History"), 0);
}

#[test]
// reference: messages-history
fn a_room_that_is_still_loaded_opens_at_the_first_unread_message_too() {
    let stage = stage::alone();
    let (maker, room) = stage.room_with_messages("History", 40);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().texts().len(), 30);
    for (count, from) in [(60_u32, 0_u32), (130, 60)] {
        reader.sidebar().choose("Lobby");
        eventually(|| reader.room().name(), "Lobby");
        for number in 1..=count {
            maker.send(room.id, &format!("unread {}", from + number));
        }
        // The badge counts to 99.
        eventually(|| reader.sidebar().unread("History"), count.min(99));
        reader.sidebar().choose("History");
        let first = format!("unread {}", from + 1);
        eventually_where(
            || reader.room().place_of(&first),
            "the first unread message in view",
            |place| (60.0..700.0).contains(place),
        );
        assert_eq!(reader.sidebar().unread("History"), count.min(99), "they are not seen yet");
        reader.room().jump_to_latest();
        eventually(|| reader.sidebar().unread("History"), 0);
    }
}

#[test]
// reference: messages-history
fn read_is_what_was_seen_in_a_focused_window() {
    let stage = stage::alone();
    let (maker, room) = stage.room_with_messages("History", 3);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().texts().len(), 3);
    reader.look_away();
    maker.send(room.id, "unread 1");
    maker.send(room.id, "unread 2");
    eventually(|| reader.room().texts().len(), 5);
    eventually(|| reader.sidebar().unread("History"), 2);
    assert!(has_divider(&reader));
    reader.look_back();
    eventually(|| reader.sidebar().unread("History"), 0);
    assert!(has_divider(&reader), "it stays until one leaves the room");
    reader.look_away();
    for number in 3..=40 {
        maker.send(room.id, &format!("unread {number}"));
    }
    eventually(|| reader.room().texts().len(), 43);
    eventually(|| reader.room().is_at_end(), true);
    reader.look_back();
    eventually_where(
        || reader.room().place_of("unread 3"),
        "the first unread message in view",
        |place| (60.0..700.0).contains(place),
    );
    assert_eq!(reader.sidebar().unread("History"), 38);
}

#[test]
// reference: pages-room
fn from_a_link_to_a_message_the_room_leads_to_its_end_and_back_to_the_message() {
    let stage = stage::alone();
    let maker = stage.app.guest("Maker");
    let room = maker.create_room("History");
    let old = &maker.send_many(room.id, 90)[19];
    let reader = stage.person();
    let link = format!("/rooms/{}/messages/{}", room.id, old.id);
    reader.open(&link);
    eventually(|| reader.room().pointed(), "message 20");
    reader.sidebar().choose("History");
    eventually(|| reader.room().texts().last().cloned(), Some("message 90".to_owned()));
    eventually(|| reader.room().is_at_end(), true);
    assert_eq!(reader.address(), format!("/rooms/{}", room.id));
    reader.chrome.back();
    eventually(|| reader.room().pointed(), "message 20");
    eventually_where(
        || reader.room().place_of("message 20"),
        "a place on the screen",
        |place| (60.0..700.0).contains(place),
    );
    assert_eq!(reader.address(), link);
}

#[test]
// reference: pages-room
fn back_leads_to_the_earlier_place_in_a_room() {
    let stage = stage::alone();
    let (_, room) = stage.room_with_messages("History", 75);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().is_at_end() && reader.room().texts().len() >= 30, true);
    reader.room().scroll_up(900);
    eventually(|| reader.room().jump(), "Jump to latest");
    // Scrolling has loaded the page above.
    eventually(|| reader.room().texts().len() >= 60, true);
    let (text, _) = reader.room().first_in_view();
    reader.sidebar().choose("Lobby");
    eventually(|| reader.room().name(), "Lobby");
    reader.chrome.back();
    eventually(|| reader.room().name(), "History");
    eventually_where(
        || reader.room().place_of(&text),
        "the same place",
        |place| (40.0..140.0).contains(place),
    );
    reader.sidebar().choose("Lobby");
    eventually(|| reader.room().name(), "Lobby");
    reader.sidebar().choose("History");
    eventually(|| reader.room().is_at_end(), true);
}

#[test]
// reference: messages-row
fn past_midnight_today_becomes_yesterday_and_other_years_show_their_year() {
    let stage = stage::alone();
    let (_, room) = stage.room_with_messages("History", 1);
    let reader = stage.person();
    reader.own_a_clock();
    reader.open(&format!("/rooms/{}", room.id));
    let day = || reader.room().separators().first().map(|separator| separator.0.clone()).unwrap_or_default();
    eventually(day, "Today");
    reader.go_forward(1);
    eventually(day, "Yesterday");
    reader.go_forward(400);
    eventually_where(day, "a date with its year", |day| day.contains(" 20"));
}

#[test]
fn a_link_is_called_copied_only_when_it_was() {
    let stage = stage::alone();
    let (_, room) = stage.room_with_messages("History", 1);
    let reader = stage.person();
    let copy = || {
        reader.open(&format!("/rooms/{}", room.id));
        eventually(|| reader.room().texts(), ["message 1"]);
        reader.room().press_on("message 1", "Copy link");
    };
    let is_link = |link: &String| link.starts_with("http") && link.contains("/messages/");
    reader.have_no_clipboard(true);
    copy();
    eventually(|| reader.toasts().all_texts(), ["The link is copied."]);
    let (copied, prompted) = reader.copied();
    assert!(is_link(&copied) && prompted.is_empty(), "{copied:?}, {prompted:?}");
    assert_eq!(reader.focused(), "button Copy link");

    reader.have_no_clipboard(false);
    copy();
    eventually_where(|| reader.copied().1, "a link to copy by hand", is_link);
    assert_eq!(reader.toasts().texts(), [""; 0]);
}

#[test]
fn a_clipboard_that_refuses_leaves_the_link_to_be_copied_by_hand() {
    let stage = stage::alone();
    let (_, room) = stage.room_with_messages("History", 1);
    let reader = stage.person();
    reader.have_a_closed_clipboard();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().texts(), ["message 1"]);
    reader.room().press_on("message 1", "Copy link");
    eventually_where(|| reader.copied().1, "a link", |link| link.contains("/messages/"));
    assert_eq!(reader.toasts().texts(), [""; 0]);
}
