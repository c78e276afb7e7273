//! The shell: contexts, the sidebar, the page of the present route, and everything that floats above them.

use std::time::Duration;

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::users::Username;
use wasm_bindgen::JsCast;

use crate::browser::{self, keys};
use crate::components::confirm_dialog::{Question, confirm_dialog};
use crate::components::connection_banner::ConnectionBanner;
use crate::components::name_dialog::NameDialog;
use crate::components::room_list::RoomList;
use crate::components::room_switcher::RoomSwitcher;
use crate::components::settings_dialog::SettingsDialog;
use crate::components::toast_list::toast_list;
use crate::dom::{El, el};
use crate::live::Live;
use crate::navigation::Navigation;
use crate::pages::home_page::home_page;
use crate::pages::not_found_page::not_found_page;
use crate::pages::room_page::room_page;
use crate::reactive::{derived, effect, memo};
use crate::route::Route;
use crate::session::{self, become_guest};
use crate::state::toasts::Tone;
use crate::state::{Identity, State};

/// A red dot on the page's icon while something is unread.
const UNREAD_ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E\
%3Cpath fill='%234957c2' d='M7 4h18a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H15l-7 6v-6H7a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z'/%3E\
%3Ccircle cx='24' cy='8' r='8' fill='%23e5484d' stroke='white' stroke-width='2'/%3E%3C/svg%3E";

/// What lies above the page, and whether it is open.
#[derive(Clone, Copy)]
pub struct Overlays {
    /// The sidebar, on a phone.
    pub menu: RwSignal<bool>,
    /// The people, where there is no room for them.
    pub people: RwSignal<bool>,
    /// The room finder.
    pub switcher: RwSignal<bool>,
    /// The settings.
    pub settings: RwSignal<bool>,
    /// A question that must be answered first.
    pub question: RwSignal<Option<Question>>,
    /// Whether a page is on its way.
    pub loading: RwSignal<bool>,
    name: RwSignal<bool>,
    after_name: StoredValue<Option<Box<dyn Fn() + Send + Sync>>>,
}

impl Overlays {
    fn new() -> Self {
        Self {
            menu: RwSignal::new(false),
            people: RwSignal::new(false),
            switcher: RwSignal::new(false),
            settings: RwSignal::new(false),
            question: RwSignal::new(None),
            loading: RwSignal::new(false),
            name: RwSignal::new(false),
            after_name: StoredValue::new(None),
        }
    }

    /// Does something that needs a name, after asking for one from who has none.
    pub fn with_name(self, state: State, then: impl Fn() + Send + Sync + 'static) {
        if state.identity.with_untracked(|identity| *identity == Identity::Anonymous) {
            self.after_name.set_value(Some(Box::new(then)));
            self.name.set(true);
        } else {
            then();
        }
    }
}

/// Puts the client into the page, in the place of the skeleton that `index.html` shows.
pub fn mount() {
    if let Some(place) = browser::document().get_element_by_id("app") {
        place.set_inner_html("");
        let mounted = leptos::mount::mount_to(place.clone().unchecked_into(), move || {
            for element in app() {
                // The place is empty.
                let _ = place.append_child(element.node());
            }
        });
        mounted.forget();
    }
}

/// The whole client.
fn app() -> Vec<El> {
    let state = State::default();
    let navigation = Navigation::start();
    return_to_last_room(navigation);
    let live = Live::start(state, navigation);
    let overlays = Overlays::new();
    session::start(state, live, move || overlays.name.set(true));
    provide_context(state);
    provide_context(navigation);
    provide_context(live);
    provide_context(overlays);

    follow_route(navigation, live, overlays);
    show_unread(state, navigation);
    listen_to_shortcuts(state, navigation, overlays);

    let page = memo(move || match navigation.route() {
        Route::Root | Route::Rooms => Page::Home,
        Route::Room(room) | Route::Message(room, _) => Page::Room(room, live.epoch.get()),
        Route::NotFound => Page::NotFound,
    });
    let pointed = memo(move || navigation.route().message());
    let page = move || {
        let page = page.get();
        // Pages look at the state in parts of their own, which follow it.
        [untrack(|| match page {
            Page::Home => home_page(),
            Page::Room(room_id, _) => room_page(room_id, pointed),
            Page::NotFound => not_found_page(overlays.menu),
        })]
    };
    let progress = el("div").class("progress").class_if("on", move || overlays.loading.get());
    let mut all = vec![
        el("a").class("skip-link").attr("href", "#main").text("Skip to the messages"),
        progress.attr("aria-hidden", "true"),
        connection_banner(state, live),
        el("div").class("shell").child(sidebar(state, live, navigation, overlays)).part(page),
        toast_list(state.toasts),
    ];
    all.extend(dialogs(state, live, navigation, overlays));
    all
}

fn connection_banner(state: State, live: Live) -> El {
    let banner = derived(move || {
        let now = live.now.get();
        state.connection.with(|connection| connection.banner(now))
    });
    ConnectionBanner {
        banner,
        on_try_now: Callback::new(move |()| live.try_now()),
        on_reload: Callback::new(|()| {
            // A page that cannot be reloaded is one that is going away.
            let _ = window().location().reload();
        }),
    }
    .view()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Page {
    Home,
    /// The number makes a page anew when everything was forgotten.
    Room(shared::ids::RoomId, u32),
    NotFound,
}

fn sidebar(state: State, live: Live, navigation: Navigation, overlays: Overlays) -> El {
    let loading = RwSignal::new(false);
    let on_more = Callback::new(move |()| {
        if !loading.get_untracked() {
            loading.set(true);
            live.load_more_rooms(move |_| loading.set(false));
        }
    });
    let on_create = Callback::new(move |()| {
        overlays.menu.set(false);
        navigation.go(Route::Rooms);
        set_timeout(|| browser::focus("#new-room"), Duration::from_millis(50));
    });
    RoomList {
        rooms: state.rooms,
        reading: state.reading,
        current: memo(move || navigation.route().room()),
        identity: state.identity,
        loading,
        open: overlays.menu,
        on_create,
        on_find: Callback::new(move |()| overlays.switcher.set(true)),
        on_more,
        on_settings: Callback::new(move |()| overlays.settings.set(true)),
    }
    .view()
}

fn dialogs(state: State, live: Live, navigation: Navigation, overlays: Overlays) -> [El; 4] {
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let on_name = Callback::new(move |name: Username| {
        busy.set(true);
        spawn_local(async move {
            match become_guest(state, live, name).await {
                Ok(()) => {
                    overlays.name.set(false);
                    if let Some(then) = overlays.after_name.try_update_value(Option::take).flatten() {
                        then();
                    }
                }
                Err(refused) => error.set(Some(refused.sentence())),
            }
            busy.set(false);
        });
    });
    let on_sign_out = Callback::new(move |()| {
        spawn_local(async move {
            match session::sign_out(state, live).await {
                Ok(()) => state.toast(Tone::Notice, "You are signed out.", browser::now()),
                Err(error) => state.toast(Tone::Error, error.sentence(), browser::now()),
            }
        });
    });
    let switcher = RoomSwitcher {
        open: overlays.switcher,
        rooms: state.rooms,
        reading: state.reading,
        on_choose: Callback::new(move |room| navigation.go(Route::Room(room))),
    };
    let settings = SettingsDialog { open: overlays.settings, identity: state.identity, on_sign_out };
    let name = NameDialog { open: overlays.name, busy, error, on_submit: on_name };
    [switcher.view(), name.view(), settings.view(), confirm_dialog(overlays.question)]
}

/// Who comes back to `/` lands in the room they were in last; who asks for the rooms gets the rooms.
fn return_to_last_room(navigation: Navigation) {
    // The server leads from `/` to the rooms, which the browser remembers as a redirect.
    let came_back =
        navigation.here() == Route::Root || (navigation.here() == Route::Rooms && browser::was_redirected());
    if came_back {
        let last = browser::load(keys::LAST_ROOM).and_then(|room| room.parse().ok());
        navigation.replace(last.map_or(Route::Rooms, Route::Room));
    }
}

/// Enters and leaves rooms, closes what lay above the page, and moves the focus to the new page.
fn follow_route(navigation: Navigation, live: Live, overlays: Overlays) {
    Effect::new(move |first: Option<()>| {
        let route = navigation.route();
        if route == Route::Root {
            navigation.replace(Route::Rooms);
            return;
        }
        live.enter(route.room());
        overlays.menu.set(false);
        overlays.people.set(false);
        if let Some(room) = route.room() {
            browser::save(keys::LAST_ROOM, &room.to_string());
        }
        let target = if route.room().is_some() && !browser::is_touch() { "#composer" } else { "#main" };
        // Not when the page has just been opened: then the browser starts at the top, as for any page.
        if first.is_some() || route.room().is_some() {
            request_animation_frame(move || browser::focus(target));
        }
    });
}

/// The title has the count of unread messages, the icon a dot.
fn show_unread(state: State, navigation: Navigation) {
    let unread = memo(move || {
        state.rooms.with(|rooms| {
            state.reading.with(|reading| rooms.all().iter().map(|room| reading.unread(room)).sum::<u64>())
        })
    });
    let plain_icon = icon_link().and_then(|link| link.get_attribute("href")).unwrap_or_default();
    effect(move || {
        if let Some(link) = icon_link() {
            // Setting an attribute of a well-formed name cannot fail.
            let _ = link.set_attribute("href", if unread.get() > 0 { UNREAD_ICON } else { &plain_icon });
        }
    });
    effect(move || {
        let count = match unread.get() {
            0 => String::new(),
            unread => format!("({unread}) "),
        };
        let place = navigation.route().room().and_then(|id| {
            state.rooms.with(|rooms| rooms.get(id).map(|room| format!("{} · ", room.name.as_str())))
        });
        browser::document().set_title(&format!("{count}{}Parlance", place.unwrap_or_default()));
    });
}

fn icon_link() -> Option<web_sys::Element> {
    browser::document().query_selector("link[rel=icon]").ok().flatten()
}

/// Ctrl or Cmd and K finds a room, Alt and the arrows go to the next one, Escape closes what is open.
fn listen_to_shortcuts(state: State, navigation: Navigation, overlays: Overlays) {
    let _ = window_event_listener(ev::keydown, move |event| {
        let key = event.key();
        let command = event.ctrl_key() || event.meta_key();
        if command && !event.shift_key() && !event.alt_key() && key.eq_ignore_ascii_case("k") {
            event.prevent_default();
            overlays.switcher.set(true);
        } else if event.alt_key() && !command && (key == "ArrowUp" || key == "ArrowDown") {
            event.prevent_default();
            let next = state.rooms.with_untracked(|rooms| {
                let rooms = rooms.all();
                let here = navigation.here().room();
                let place = rooms.iter().position(|room| Some(room.id) == here);
                let place = match (place, key == "ArrowDown") {
                    (Some(place), true) => (place + 1) % rooms.len(),
                    (Some(place), false) => (place + rooms.len() - 1) % rooms.len(),
                    (None, _) => 0,
                };
                rooms.get(place).map(|room| room.id)
            });
            if let Some(room) = next {
                navigation.go(Route::Room(room));
            }
        } else if key == "Escape" && (overlays.menu.get_untracked() || overlays.people.get_untracked()) {
            overlays.menu.set(false);
            overlays.people.set(false);
        }
    });
    Effect::new(move |was_open: Option<bool>| {
        let open = overlays.menu.get();
        match (was_open, open) {
            (_, true) => request_animation_frame(|| browser::focus("#sidebar .sidebar-close")),
            (Some(true), false) => request_animation_frame(|| browser::focus("#menu-button")),
            _ => {}
        }
        open
    });
}
