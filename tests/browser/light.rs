//! What a long day must not cost.

use serde_json::json;

use crate::pages::Person;
use crate::stage;
use crate::wait::{eventually, eventually_where};

/// As many messages as stay loaded on the screen of a test, which is not higher than 800 pixels.
const WINDOW: usize = 120;

/// The numbers of the messages that are in the page.
#[track_caller]
fn numbers(reader: &Person<'_>) -> Vec<usize> {
    let number = |text: String| text.strip_prefix("message ").and_then(|number| number.parse().ok());
    reader.room().texts().into_iter().filter_map(number).collect()
}

/// Scrolls in steps until this message is there. The page holds few messages at any time, and leaves out none.
#[track_caller]
fn scroll_to(reader: &Person<'_>, pixels: i32, wanted: usize) {
    let step = || {
        reader.room().scroll_up(pixels);
        numbers(reader)
    };
    eventually_where(step, "the message", |numbers| {
        assert!(numbers.len() <= WINDOW, "{} rows", numbers.len());
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
        numbers.contains(&wanted)
    });
}

#[test]
// reference: messages-history
fn a_long_scroll_keeps_few_messages_and_the_view_still() {
    let stage = stage::alone();
    let (maker, room) = stage.room_with_messages("History", 250);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().is_at_end(), true);
    scroll_to(&reader, 600, 120);
    stage.network.fail("before=");
    reader.room().scroll_up(100_000);
    eventually(|| reader.room().scrolled(), 0.0);
    reader.let_it_settle();
    let before = reader.room().first_in_view();
    let rows = numbers(&reader);
    assert_eq!(rows.len(), WINDOW);
    stage.network.mend();
    reader.room().load_previous();
    eventually_where(|| numbers(&reader), "older messages", |now| now[0] < rows[0]);
    let place = reader.room().place_of(&before.0);
    assert!((place - before.1).abs() <= 1.0, "{} was at {} and is at {place}", before.0, before.1);

    scroll_to(&reader, 600, 1);
    maker.send(room.id, "message 251");
    scroll_to(&reader, -600, 251);
    eventually(
        || {
            reader.room().scroll_up(-100_000);
            reader.room().is_at_end() && reader.room().jump().is_empty()
        },
        true,
    );
}

#[test]
// reference: messages-plain-text
fn live_messages_drop_old_ones_and_those_of_one_frame_are_drawn_together() {
    let stage = stage::alone();
    let (maker, room) = stage.room_with_messages("History", 100);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().is_at_end() && numbers(&reader).contains(&100), true);
    // The page is busy while the messages arrive.
    reader.chrome.eval::<()>(
        "globalThis.drawn = 0;
        new MutationObserver(() => drawn += 1).observe(document.querySelector('.log ol'), { childList: true });
        setTimeout(() => { const end = performance.now() + 2000; while (performance.now() < end); }, 0)",
    );
    for number in 101..=180 {
        maker.send(room.id, &format!("message {number}"));
    }
    eventually_where(
        || numbers(&reader),
        "the last message",
        |numbers| {
            assert!(numbers.len() <= WINDOW, "{} rows", numbers.len());
            numbers.last() == Some(&180)
        },
    );
    eventually(|| reader.room().is_at_end(), true);
    let drawn = reader.chrome.eval_with::<u32>("return drawn", json!(null));
    assert!(drawn < 40, "80 messages were drawn in {drawn} steps");
}

#[test]
// reference: rooms-list
fn a_room_is_opened_with_one_request_each_for_its_messages_its_members_the_list_and_the_server() {
    let stage = stage::alone();
    let (_, room) = stage.room_with_messages("History", 75);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| (reader.room().name(), reader.room().is_at_end()), ("History".to_owned(), true));
    reader.let_it_settle();
    let requests: Vec<String> = reader.chrome.eval(
        "return performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)
            .filter(path => path.startsWith('/api/')).sort()",
    );
    let of_room = |what| format!("/api/v1/rooms/{}/{what}", room.id);
    let (list, server) = ("/api/v1/rooms".to_owned(), "/api/v1/server".to_owned());
    assert_eq!(requests, [list, of_room("members"), of_room("messages"), server]);
}
