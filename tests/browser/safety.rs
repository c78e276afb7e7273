//! What people write is text and nothing else.

use crate::stage;
use crate::wait::{eventually, eventually_where};

const HOSTILE: &str = "<img src=x onerror=alert(1)>";

#[test]
// reference: messages-plain-text
fn markup_in_messages_and_names_is_shown_as_it_was_written() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("<b>Adam</b>");
    let room = adam_by_api.create_room(HOSTILE);
    adam_by_api.send(room.id, HOSTILE);
    adam_by_api.send(room.id, "<script>alert(2)</script>");
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().texts(), [HOSTILE, "<script>alert(2)</script>"]);
    assert_eq!(adam.room().rows()[0].author, "<b>Adam</b>");
    assert_eq!(adam.room().name(), HOSTILE);
    assert_eq!(adam.sidebar().names(), [HOSTILE, "Lobby"]);
    eventually(|| adam.room().people(), ["<b>Adam</b>"]);
    adam.open_room_dialog("Leave or delete");
    adam.dialog().press("Delete room…");
    eventually(|| adam.dialog().title(), format!("Delete {HOSTILE} and its 2 messages?"));
    adam.dialog().press("Delete room");
    eventually(|| adam.toasts().all_texts(), [format!("{HOSTILE} has been deleted.")]);
    let made = "return document.querySelectorAll('img, #app script, .author b').length";
    assert_eq!(adam.chrome.eval::<u32>(made), 0);
}

#[test]
// reference: messages-plain-text
fn a_script_that_got_into_the_page_would_not_run_and_would_be_noticed() {
    let stage = stage::alone();
    let reader = stage.person();
    reader.open("/rooms");
    assert_eq!(reader.chrome.complaints(), [""; 0]);
    reader.chrome.eval::<()>(
        "const place = document.createElement('div');
        place.innerHTML = '<img src=x onerror=\"window.ran = true\">';
        document.body.append(place);
        const script = document.createElement('script');
        script.textContent = 'window.ran = true';
        document.body.append(script)",
    );
    let mut noticed = Vec::new();
    eventually_where(
        || {
            noticed.extend(reader.chrome.complaints());
            noticed.clone()
        },
        "the browser complains about both",
        |noticed: &Vec<String>| {
            noticed.iter().filter(|complaint| complaint.contains("Content Security Policy")).count() >= 2
        },
    );
    assert!(!reader.chrome.eval::<bool>("return 'ran' in window"));
}
