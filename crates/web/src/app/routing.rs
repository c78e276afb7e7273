//! What happens when the route changes.

use leptos::prelude::*;

use crate::browser::{self, keys};
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::route::Route;

/// Opens the last room if the user came to `/`. A user who came to `/rooms` gets the start page.
pub fn return_to_last_room(navigation: Navigation) {
    // The server redirects `/` to `/rooms`, and the browser reports that it was redirected.
    let came_to_root =
        navigation.here() == Route::Root || (navigation.here() == Route::Rooms && browser::was_redirected());
    if came_to_root {
        let last = browser::load(keys::LAST_ROOM).and_then(|room| room.parse().ok());
        navigation.replace(last.map_or(Route::Rooms, Route::Room));
    }
}

/// Enters and leaves rooms, closes menus, and moves the focus to the new page.
pub fn follow_route(navigation: Navigation, live: Live, overlays: Overlays) {
    Effect::new(move |before: Option<()>| {
        let route = navigation.route();
        if route == Route::Root {
            navigation.replace(Route::Rooms);
            return;
        }
        live.enter(route.room());
        overlays.menu.set(false);
        overlays.people.set(false);
        if let Some(room_id) = route.room() {
            browser::save(keys::LAST_ROOM, &room_id.to_string());
        }
        let target = if route.room().is_some() && !browser::is_touch() { "#composer" } else { "#main" };
        // A page that has just been opened starts at the top, as the browser does it.
        if before.is_some() || route.room().is_some() {
            request_animation_frame(move || browser::focus(target));
        }
    });
}
