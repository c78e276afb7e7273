//! The client on a phone: one pane at a time.

use crate::chrome::Screen;
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
    eventually(|| room.header_buttons().contains(&"People".to_owned()), true);
    room.press("People");
    eventually(
        || adam.chrome.eval::<bool>("return document.querySelector('.person').checkVisibility()"),
        true,
    );

    adam.chrome.back();
    eventually(|| adam.address(), "/rooms");
    assert!(sidebar.share_of_screen() == 0.0);
}
