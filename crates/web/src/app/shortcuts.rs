//! The keyboard shortcuts that work everywhere.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::boxed::effect;
use crate::browser;
use crate::components::keys;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::route::Route;
use crate::state::State;
use crate::state::shortcuts::{Command, Place};

/// Follows the keys from now on.
pub fn listen(state: State, navigation: Navigation, overlays: Overlays) {
    let _ = window_event_listener(ev::keydown, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let is_field = target.is_some_and(|target| target.matches("input, textarea").unwrap_or(false));
        let command = keys::command(Place::Anywhere, &event)
            .or_else(|| keys::command(Place::OutsideFields, &event).filter(|_| !is_field));
        let Some(command) = command else { return };
        if command == Command::Close {
            overlays.menu.set(false);
            overlays.people.set(false);
            // A reply is given up first.
            if browser::find(".reply-bar").is_none() && browser::find("#thread :focus").is_some() {
                overlays.thread.set(None);
            }
            return;
        }
        event.prevent_default();
        // Nothing changes behind a dialog.
        if browser::find("dialog[open]").is_some() {
            return;
        }
        match command {
            Command::FindRoom => overlays.switcher.set(true),
            Command::ShowShortcuts => overlays.shortcuts.set(true),
            _ => open_next_room(state, navigation, command == Command::NextRoom),
        }
    });
    focus_panel(overlays.menu, ["#sidebar .sidebar-close", "#sidebar :focus", "#menu-button"]);
    focus_panel(overlays.people, ["#people .people-close", "#people :focus", ".people-button"]);
    // On a wider screen the sidebar covers nothing.
    let _ = window_event_listener(ev::resize, move |_| {
        if overlays.menu.get_untracked() && !browser::matches(browser::NARROW) {
            overlays.menu.set(false);
        }
    });
}

fn open_next_room(state: State, navigation: Navigation, down: bool) {
    let here = navigation.here().room();
    let rooms = untrack(|| state.my_rooms(here));
    let place = rooms.iter().position(|room_id| Some(*room_id) == here);
    let place = match (place, down) {
        (Some(place), true) => (place + 1) % rooms.len(),
        (Some(place), false) => (place + rooms.len() - 1) % rooms.len(),
        (None, _) => 0,
    };
    if let Some(room_id) = rooms.get(place) {
        navigation.go(Route::Room(*room_id));
    }
}

/// Moves the focus to the first button of a panel that opens, and from there to the panel's own button when it closes.
fn focus_panel(open: RwSignal<bool>, [first, focused, button]: [&'static str; 3]) {
    effect(move || {
        let target = if open.get() { first } else { button };
        if target == first || browser::find(focused).is_some() {
            request_animation_frame(move || browser::focus(target));
        }
    });
}
