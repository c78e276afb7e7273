//! The client on a phone: one pane at a time.

use thirtyfour::prelude::Key;

use crate::chrome::screen::Screen;
use crate::stage;
use crate::wait::eventually;

#[test]
// reference: pages-phone
fn on_a_phone_a_button_opens_the_rooms_over_everything_and_a_choice_or_x_closes_them() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam");
    adam.chrome.show_on(Screen::PHONE);
    adam_by_api.create_room("Design");
    adam.open("/rooms");
    let sidebar = adam.sidebar();
    assert!(sidebar.share_of_screen() == 0.0, "it is closed");
    assert!(!adam.scrolls_sideways(), "the page of rooms");

    sidebar.open();
    eventually(|| sidebar.share_of_screen(), 1.0);
    assert!(!adam.scrolls_sideways(), "the open list");
    sidebar.close();
    eventually(|| sidebar.share_of_screen(), 0.0);
    sidebar.open();
    eventually(|| sidebar.share_of_screen(), 1.0);
    sidebar.choose("Design");
    eventually(|| sidebar.share_of_screen(), 0.0);
    eventually(|| adam.room().name(), "Design");

    let room = adam.room();
    eventually(|| room.composer_is_on_screen(), true);
    assert!(!adam.scrolls_sideways(), "the room");
    room.write("from a phone");
    room.send();
    eventually(|| room.texts(), ["from a phone"]);
    assert!(room.composer_is_on_screen());
    assert!(!adam.scrolls_sideways(), "the room with a message");
    assert!(!room.people_are_shown(), "they are one press away");
    eventually(|| room.header_buttons().contains(&"People".to_owned()), true);
    room.press("People");
    eventually(|| room.people_are_shown(), true);
    adam.chrome.click("#people button[aria-label='Close people']");
    eventually(|| room.people_are_shown(), false);
    eventually(|| adam.focused(), "button People");

    adam.chrome.back();
    eventually(|| adam.address(), "/rooms");
    assert!(sidebar.share_of_screen() == 0.0);
}

#[test]
// reference: pages-phone
fn the_open_list_of_rooms_is_all_there_is_and_a_tap_on_the_open_room_closes_it() {
    let stage = stage::alone();
    let adam = stage.person();
    adam.chrome.show_on(Screen::PHONE);
    adam.open(&format!("/rooms/{}", stage.app.lobby().id));
    let sidebar = adam.sidebar();
    assert!(!sidebar.is_alone());
    sidebar.open();
    eventually(|| adam.focused(), "button Close menu");
    assert!(sidebar.is_alone(), "the rest is inert");
    sidebar.choose("Lobby");
    eventually(|| sidebar.share_of_screen(), 0.0);
    assert!(!sidebar.is_alone());
    eventually(|| adam.focused(), "button Open menu");
    sidebar.open();
    eventually(|| sidebar.share_of_screen(), 1.0);
    adam.chrome.press(Key::Escape);
    eventually(|| sidebar.share_of_screen(), 0.0);
    eventually(|| adam.focused(), "button Open menu");

    sidebar.open();
    eventually(|| sidebar.is_alone(), true);
    adam.chrome.show_on(Screen::WIDE);
    eventually(|| sidebar.is_alone(), false);
}

#[test]
// reference: messages-compose
fn the_key_of_the_touch_keyboard_says_what_it_does() {
    let stage = stage::alone();
    let adam = stage.person();
    let lobby = format!("/rooms/{}", stage.app.lobby().id);
    adam.open(&lobby);
    assert_eq!(adam.room().enter_key(), "send");
    adam.chrome.show_on(Screen::PHONE);
    adam.open(&lobby);
    assert_eq!(adam.room().enter_key(), "enter", "the key begins a new line");
}
