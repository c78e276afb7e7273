//! The browser's history and address bar as one signal.
//!
//! Links are ordinary `<a href>`. This module handles clicks on links to the client's own routes. The browser handles
//! everything else: other sites, new tabs, downloads, the API's pages.

use leptos::ev;
use leptos::prelude::*;
use shared::ids::MessageId;
use wasm_bindgen::{JsCast, JsValue};

use crate::boxed::effect;
use crate::components::scroll_anchor::first_in_view;
use crate::route::Route;

/// What an overlay did to the current entry of the history. It adds an entry, so that Back leads from the overlay to the page
/// under it. When the overlay is closed otherwise, its entry stays, because leaving it takes a while in which the user may
/// have gone elsewhere: the next overlay or page takes it over, and Back skips it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cover {
    None,
    Open,
    Closed,
}

/// The current route.
#[derive(Clone, Copy)]
pub struct Navigation {
    route: RwSignal<Route>,
    /// Where the list of messages was, in the place in the history that the user went back to.
    place: RwSignal<Option<MessageId>>,
    cover: StoredValue<Cover>,
    /// Notifies when the user went back from an overlay.
    pub uncovered: RwSignal<()>,
}

impl Navigation {
    /// Reads the address bar, and follows it from now on.
    pub fn start() -> Self {
        let route = RwSignal::new(Route::parse(&pathname()));
        let (place, cover) = (RwSignal::new(None), StoredValue::new(Cover::None));
        let navigation = Self { route, place, cover, uncovered: RwSignal::new(()) };
        let _ = window_event_listener(ev::popstate, move |event| {
            let cover = navigation.cover.try_update_value(|cover| std::mem::replace(cover, Cover::None));
            let here = Route::parse(&pathname());
            if here == route.get_untracked() && cover == Some(Cover::Open) {
                return navigation.uncovered.notify();
            }
            if here == route.get_untracked() && cover == Some(Cover::Closed) {
                // Only refused in a page that is gone.
                let _ = window().history().and_then(|history| history.back());
                return;
            }
            navigation.place.set(event.state().as_string().and_then(|place| place.parse().ok()));
            route.set(here);
        });
        let _ = window_event_listener(ev::click, move |event| navigation.take_over(&event));
        navigation
    }

    /// The current route, tracked.
    pub fn route(self) -> Route {
        self.route.get()
    }

    /// The current route, not tracked.
    pub fn here(self) -> Route {
        self.route.get_untracked()
    }

    /// Goes to a route. The browser's Back button returns from it, to where the list of messages is now.
    pub fn go(self, route: Route) {
        self.place.set(None);
        if self.here() == route {
            // Menus close.
            return self.route.notify();
        }
        if let Ok(history) = window().history() {
            if self.cover.get_value() == Cover::None {
                let place = first_in_view().map_or(JsValue::NULL, JsValue::from);
                let _ = history.replace_state(&place, "");
                let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&route.path()));
            } else {
                let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&route.path()));
            }
        }
        self.cover.set_value(Cover::None);
        self.route.set(route);
    }

    /// An overlay covers the page: Back leads from it to the page.
    pub fn cover(self) {
        if self.cover.get_value() == Cover::None
            && let Ok(history) = window().history()
        {
            // The state of other pages is kept: it may be the secret of a link.
            let state = first_in_view().map_or_else(|| history.state(), |place| Ok(JsValue::from(place)));
            let state = state.unwrap_or(JsValue::NULL);
            let _ = history.replace_state(&state, "");
            let _ = history.push_state_with_url(&state, "", None);
        }
        self.cover.set_value(Cover::Open);
    }

    /// The overlay was closed, by other means than Back.
    pub fn uncover(self) {
        if self.cover.get_value() == Cover::Open {
            self.cover.set_value(Cover::Closed);
        }
    }

    /// Where the list of messages was, in the place in the history that the user went back to. Told once.
    pub fn take_place(self) -> Option<MessageId> {
        self.place.try_update_untracked(Option::take).flatten()
    }

    /// The secret from the address, as a signal: it also follows when another link is opened on the same page.
    pub fn follow_secret(self) -> RwSignal<Option<String>> {
        let secret = RwSignal::new(None);
        effect(move || {
            self.route();
            if let Some(found) = self.take_secret() {
                secret.set(Some(found));
            }
        });
        secret
    }

    /// The secret after the `#` of the address. Reading it moves it from the address bar into the state of the history's
    /// entry, where a reload finds it.
    fn take_secret(self) -> Option<String> {
        let history = window().history().ok()?;
        let hash = window().location().hash().ok()?;
        let Some(secret) = hash.strip_prefix('#').filter(|secret| !secret.is_empty()) else {
            return history.state().ok()?.as_string();
        };
        let _ = history.replace_state_with_url(&secret.into(), "", Some(&self.here().path()));
        Some(secret.to_owned())
    }

    /// Replaces the current route. The browser's Back button skips the old one.
    pub fn replace(self, route: Route) {
        if let Ok(history) = window().history() {
            let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&route.path()));
        }
        self.route.set(route);
    }

    fn take_over(self, event: &ev::MouseEvent) {
        let plain = event.button() == 0
            && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key())
            && !event.default_prevented();
        if !plain {
            return;
        }
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        let link = target.and_then(|target| target.closest("a[href]").ok().flatten());
        let Some(link) = link.filter(|link| !link.has_attribute("target") && !link.has_attribute("download"))
        else {
            return;
        };
        // The client's own links are always written as paths.
        let href = link.get_attribute("href").unwrap_or_default();
        if href == "/rooms" || href == "/admin" || href.starts_with("/rooms/") {
            event.prevent_default();
            self.go(Route::parse(&href));
        }
    }
}

fn pathname() -> String {
    window().location().pathname().unwrap_or_default()
}
