//! Without a pointer: walks by keyboard, shortcuts, and where the focus goes.

use thirtyfour::prelude::Key;

use crate::chrome::input_method::Enter;
use crate::stage;
use crate::wait::{eventually, eventually_where};

#[test]
// reference: pages-room
fn the_skip_link_skips() {
    let stage = stage::alone();
    let reader = stage.person();
    let lobby = format!("/rooms/{}", stage.app.lobby().id);
    for path in ["/rooms", &lobby] {
        reader.open(path);
        reader
            .chrome
            .eval::<()>("document.activeElement.blur(); document.querySelector('.skip-link').focus()");
        assert_eq!(reader.focused(), "a Skip to the messages");
        reader.chrome.press(Key::Enter);
        reader.let_it_settle();
        assert_eq!(reader.focused(), "main main");
        assert_eq!(reader.address(), path);
    }
}

#[test]
// reference: messages-row
fn messages_are_walked_by_keyboard_and_show_when_they_were_written() {
    let stage = stage::alone();
    let lobby = stage.app.lobby();
    let (adam, adam_by_api) = stage.guest("Adam");
    let sent = adam_by_api.send_many(lobby.id, 4);
    adam_by_api.edit(&sent[3], "message 4, edited");
    adam.open(&format!("/rooms/{}", lobby.id));
    eventually(|| adam.room().texts().len(), 4);
    eventually(|| adam.focused(), "textarea composer");
    for before in ["button Attach files", "button  edited", "div log"] {
        adam.chrome.press_with(Key::Shift, Key::Tab);
        eventually(|| adam.focused(), before);
    }
    for (key, message) in [
        (Key::Up, "message message 4, edited edited"),
        (Key::Up, "message message 3"),
        (Key::Home, "message message 1"),
        (Key::Down, "message message 2"),
        (Key::End, "message message 4, edited edited"),
    ] {
        adam.chrome.press(key);
        eventually(|| adam.focused(), message);
    }
    let times = adam.room().times_of_active();
    assert!(times.contains(", edited ") && times.matches(':').count() == 4, "{times:?}");
    for button in [
        "button  edited",
        "button Add reaction",
        "button Reply",
        "button Mark unread",
        "button Copy link",
        "button Edit message",
        "button Delete message",
    ] {
        adam.chrome.press(Key::Tab);
        eventually(|| adam.focused(), button);
    }
    adam.chrome.press_with(Key::Shift, Key::Tab);
    adam.chrome.press(Key::Enter);
    eventually(|| adam.room().is_editing(), true);
    eventually_where(|| adam.focused(), "the editor", |focused| focused.starts_with("textarea"));
    assert!(!adam.confirms_composition(), "Enter belongs to the input method");
    adam.chrome.press(Key::Up);
    assert!(adam.focused().starts_with("textarea"), "arrows move the caret");
    adam.chrome.press(Key::Escape);
    eventually(|| adam.room().is_editing(), false);
    eventually(|| adam.focused(), "textarea composer");
    assert!(!adam.confirms_composition(), "Enter belongs to the input method");
}

#[test]
// reference: messages-compose, messages-edit-delete
fn the_enter_that_completes_a_text_of_an_input_method_neither_sends_nor_saves_it() {
    let stage = stage::alone();
    let lobby = stage.app.lobby();
    let (adam, adam_by_api) = stage.guest("Adam");
    let stored = || {
        let history = adam_by_api.whole_history(lobby.id);
        history.into_iter().filter_map(|message| message.text).collect::<Vec<_>>()
    };
    adam.open(&format!("/rooms/{}", lobby.id));
    eventually(|| adam.room().people(), ["Adam"]);
    eventually(|| adam.focused(), "textarea composer");
    let mut sent = Vec::new();
    for (enter, text) in [(Enter::During, "日本"), (Enter::After, "東京")] {
        adam.chrome.compose("kana");
        eventually(|| adam.room().draft(), "kana");
        adam.chrome.complete(text, enter);
        assert_eq!((adam.room().draft().as_str(), adam.room().texts()), (text, sent.clone()), "{enter:?}");
        adam.chrome.press(Key::Enter);
        sent.push(text.to_owned());
        eventually(|| adam.room().texts(), sent.clone());
        eventually(|| adam.room().draft(), "");
        eventually(stored, sent.clone());
    }
    for (enter, text) in [(Enter::During, "日本"), (Enter::After, "東京")] {
        adam.room().press_on(text, "Edit message");
        eventually(|| adam.focused(), "textarea editor");
        adam.chrome.compose("kana");
        eventually(|| adam.typed(), format!("{text}kana"));
        adam.chrome.complete("です", enter);
        assert_eq!(adam.typed(), format!("{text}です"), "{enter:?}");
        adam.chrome.press(Key::Enter);
        eventually(|| adam.room().is_editing(), false);
        let place = sent.iter().position(|sent| sent == text).expect("it was sent");
        sent[place].push_str("です");
        eventually(|| adam.room().texts(), sent.clone());
        assert_eq!(stored(), sent);
    }
    let changes = adam_by_api.room(lobby.id).rev.0;
    assert_eq!(changes, 5, "joining, and two messages, each edited once");
}

#[test]
// reference: pages-room
fn alt_and_arrows_change_the_room_only() {
    let stage = stage::alone();
    let lobby = stage.app.lobby();
    let (adam, adam_by_api) = stage.guest("Adam");
    let design = adam_by_api.create_room("Design");
    // Adam is not in it, so it is not in his list.
    stage.app.guest("Grace").create_room("Elsewhere");
    for room in [lobby.id, design.id] {
        adam_by_api.send_many(room, 3);
    }
    adam.open(&format!("/rooms/{}", lobby.id));
    eventually(|| adam.room().texts().len(), 3);
    eventually(|| adam.focused(), "textarea composer");
    adam.chrome.press_with(Key::Alt, Key::Up);
    eventually(|| adam.room().name(), "Design");
    eventually(|| adam.room().texts().len(), 3);
    eventually(|| adam.focused(), "textarea composer");
    assert!(!adam.room().is_editing(), "the last message is not edited");
    adam.chrome.press_with_control('k');
    eventually(|| adam.dialog().is_open(), true);
    adam.chrome.press_with(Key::Alt, Key::Down);
    adam.let_it_settle();
    assert_eq!(adam.room().name(), "Design", "nothing changes behind a dialog");
}

#[test]
// reference: pages-room
fn the_shortcuts_are_listed_on_demand() {
    let stage = stage::alone();
    let (reader, _) = stage.guest("Adam");
    reader.open(&format!("/rooms/{}", stage.app.lobby().id));
    eventually(|| reader.focused(), "textarea composer");
    reader.chrome.type_text("what?");
    eventually(|| reader.room().draft(), "what?");
    assert!(!reader.dialog().is_open(), "it is typed");
    reader.chrome.press_with_control('/');
    eventually(|| reader.dialog().title(), "Keyboard shortcuts");
    let text = reader.chrome.eval::<String>("return document.querySelector('dialog[open] dl').textContent");
    assert!(text.contains("Ctrl K") && text.contains("Find a room"), "{text}");
    reader.dialog().close();
    eventually(|| reader.dialog().is_open(), false);
    eventually(|| reader.focused(), "textarea composer");
    reader.chrome.press_with(Key::Shift, Key::Tab);
    reader.chrome.type_text("?");
    eventually(|| reader.dialog().title(), "Keyboard shortcuts");
}

#[test]
// reference: messages-history, rooms-rename-in-place, messages-edit-delete
fn the_focus_stays_near_what_vanishes() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam");
    let room = adam_by_api.create_room("Design");
    adam_by_api.send_many(room.id, 40);
    stage.network.hold("before=");
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().texts().len(), 30);
    adam.room().scroll_up(100_000);
    eventually(|| adam.room().top(), "Loading…");
    adam.room().load_previous();
    eventually(|| adam.focused(), "button Loading…");
    stage.network.release();
    eventually(|| adam.room().top(), "This is the beginning of Design.");
    eventually(|| adam.focused(), "div log");

    eventually(|| adam.room().header_buttons().contains(&"Rename room".to_owned()), true);
    adam.room().press("Rename room");
    eventually(|| adam.focused(), "input room-name");
    adam.room().rename_form().write("Drawing");
    adam.room().rename_form().submit();
    eventually(|| adam.room().name(), "Drawing");
    eventually(|| adam.focused(), "button Rename room");

    adam.room().press_on("message 2", "Delete message");
    eventually(|| adam.dialog().is_open(), true);
    adam.dialog().press("Delete");
    eventually(|| adam.focused(), "message This message was deleted.");

    adam.sidebar().settings();
    eventually(|| adam.dialog().title(), "Settings");
    adam.dialog().close();
    eventually(|| adam.focused(), "button Settings");
}

#[test]
// reference: pages-connection-lost
fn try_now_leaves_the_focus_on_the_page_and_its_sign_stands_still_for_who_wants_that() {
    let stage = stage::alone();
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", stage.app.lobby().id));
    stage.network.cut();
    eventually(|| reader.banner().is_empty(), false);
    reader.let_it_settle();
    assert!(!reader.spinner_turns(), "motion is reduced");
    reader.press_banner("Try now");
    eventually_where(
        || reader.focused(),
        "the focus on a part of the page",
        |focused| !focused.starts_with("body") && focused != "button Try now",
    );
    stage.network.mend();
    eventually(|| reader.banner(), "");
    assert!(!reader.focused().starts_with("body"));
}

#[test]
// reference: pages-room
fn a_selection_that_ends_on_the_backdrop_closes_no_dialog() {
    let stage = stage::alone();
    let reader = stage.person();
    reader.open("/rooms");
    reader.sidebar().settings();
    eventually(|| reader.dialog().title(), "Settings");
    reader.chrome.drag_to_corner("dialog[open] h2");
    reader.let_it_settle();
    assert_eq!(reader.dialog().title(), "Settings");
    reader.chrome.click_corner();
    eventually(|| reader.dialog().is_open(), false);
}
