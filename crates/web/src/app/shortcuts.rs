//! The keyboard shortcuts that work everywhere.

use leptos::ev;
use leptos::prelude::*;

use crate::browser;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::route::Route;
use crate::state::State;

/// Ctrl or Cmd and K opens the room finder, Alt and the arrows open the next room, Escape closes menus.
pub fn listen(state: State, navigation: Navigation, overlays: Overlays) {
    let _ = window_event_listener(ev::keydown, move |event| {
        let key = event.key();
        let command = event.ctrl_key() || event.meta_key();
        if command && !event.shift_key() && !event.alt_key() && key.eq_ignore_ascii_case("k") {
            event.prevent_default();
            overlays.switcher.set(true);
        } else if event.alt_key() && !command && (key == "ArrowUp" || key == "ArrowDown") {
            event.prevent_default();
            open_next_room(state, navigation, key == "ArrowDown");
        } else if key == "Escape" && (overlays.menu.get_untracked() || overlays.people.get_untracked()) {
            overlays.menu.set(false);
            overlays.people.set(false);
        }
    });
    focus_menu(overlays.menu);
}

fn open_next_room(state: State, navigation: Navigation, down: bool) {
    let next = state.rooms.with_untracked(|rooms| {
        let rooms = rooms.all();
        let here = navigation.here().room();
        let place = rooms.iter().position(|room| Some(room.id) == here);
        let place = match (place, down) {
            (Some(place), true) => (place + 1) % rooms.len(),
            (Some(place), false) => (place + rooms.len() - 1) % rooms.len(),
            (None, _) => 0,
        };
        rooms.get(place).map(|room| room.id)
    });
    if let Some(room_id) = next {
        navigation.go(Route::Room(room_id));
    }
}

/// Moves the focus into the menu when it opens, and back to its button when it closes.
fn focus_menu(menu: RwSignal<bool>) {
    Effect::new(move |was_open: Option<bool>| {
        let open = menu.get();
        match (was_open, open) {
            (_, true) => request_animation_frame(|| browser::focus("#sidebar .sidebar-close")),
            (Some(true), false) => request_animation_frame(|| browser::focus("#menu-button")),
            _ => {}
        }
        open
    });
}
