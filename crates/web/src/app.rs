//! The shell: it provides the contexts and shows the sidebar, the page of the current route, and the overlays.

mod access;
mod account;
mod back;
mod banner;
mod dialogs;
mod focus;
mod later;
mod routing;
mod shortcuts;
mod sidebar;
mod unread_sign;

use leptos::ev;
use leptos::prelude::*;
use shared::ids::RoomId;
use wasm_bindgen::JsCast;

use crate::app::banner::AppBanner;
use crate::app::sidebar::AppSidebar;
use crate::boxed::memo;
use crate::browser;
use crate::components::keyed_list::KeyedList;
use crate::components::toast_list::ToastList;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::pages::home_page::HomePage;
use crate::pages::not_found_page::NotFoundPage;
use crate::pages::room_page::RoomPage;
use crate::parts::{Part, Parts};
use crate::route::Route;
use crate::session;
use crate::state::State;

/// Replaces the skeleton that `index.html` shows with the client.
pub fn mount() {
    if let Some(place) = browser::document().get_element_by_id("app") {
        place.replace_children_with_node_0();
        leptos::mount::mount_to(place.unchecked_into(), App).forget();
    }
}

/// The whole client.
#[component]
pub fn App() -> impl IntoView {
    let state = State::default();
    let navigation = Navigation::start();
    routing::return_to_last_room(navigation);
    let live = Live::start(state, navigation);
    let overlays = Overlays::default();
    session::start(state, live, overlays);
    provide_context(state);
    provide_context(navigation);
    provide_context(live);
    provide_context(overlays);
    let parts = Parts { are_loaded: RwSignal::new(false), draw: later::draw_part };

    routing::follow_route(navigation, live, overlays);
    unread_sign::show_unread(state, navigation);
    access::follow_access(state, overlays);
    shortcuts::listen(state, navigation, overlays);
    focus::keep_focus();
    let skip = move |event: ev::MouseEvent| {
        // Without the hash, which would be a navigation.
        event.prevent_default();
        browser::focus("#main");
    };
    view! {
        <div class="shell-part" inert=move || overlays.menu.get()>
            <a class="skip-link" href="#main" on:click=skip>
                "Skip to the messages"
            </a>
            <AppBanner />
        </div>
        <div class="progress" class:on=move || overlays.loading.get() aria-hidden="true"></div>
        <div class="shell">
            <AppSidebar />
            <div class="shell-part" inert=move || overlays.menu.get()>
                <CurrentPage parts=parts />
            </div>
        </div>
        // `browser::announce` adds an element for each line, so that each is said once.
        <div id="news" class="sr-only" aria-live="polite"></div>
        <ToastList toasts=state.toasts />
        {parts.draw(Part::Dialogs)}
    }
}

/// The page of a route.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Screen {
    Home,
    /// A room in a generation of what is known. In a new one the page is rendered anew.
    Room(RoomId, u32),
    Setup,
    Reset,
    Invite,
    Admin,
    NotFound,
}

#[component]
fn CurrentPage(parts: Parts) -> impl IntoView {
    let navigation = expect_context::<Navigation>();
    let live = expect_context::<Live>();
    let page = memo(move || match navigation.route() {
        Route::Root | Route::Rooms => Screen::Home,
        Route::Room(room_id) | Route::Message(room_id, _) => Screen::Room(room_id, live.generation.get()),
        Route::Setup => Screen::Setup,
        Route::Reset => Screen::Reset,
        Route::Invite => Screen::Invite,
        Route::Admin => Screen::Admin,
        Route::NotFound => Screen::NotFound,
    });
    let pointed = memo(move || navigation.route().message());
    let draw = move |page| match page {
        Screen::Home => view! { <HomePage /> }.into_any(),
        Screen::Room(room_id, _) => {
            view! { <RoomPage room_id=room_id pointed=pointed parts=parts /> }.into_any()
        }
        Screen::Setup => parts.draw(Part::Setup),
        Screen::Reset => parts.draw(Part::Reset),
        Screen::Invite => parts.draw(Part::Invite),
        Screen::Admin => parts.draw(Part::Admin),
        Screen::NotFound => view! { <NotFoundPage /> }.into_any(),
    };
    // Keyed, because Leptos would reuse the elements of one room for the next, with their focus and scroll positions.
    let key = move || match page.get() {
        Screen::Home => vec![0],
        Screen::NotFound => vec![1],
        Screen::Setup => vec![2],
        Screen::Reset => vec![3],
        Screen::Invite => vec![4],
        Screen::Admin => vec![5],
        Screen::Room(room_id, generation) => {
            vec![room_id.0.as_u128().wrapping_add(u128::from(generation))]
        }
    };
    view! { <KeyedList keys=Signal::derive(key) draw=move |_| draw(page.get_untracked()) /> }
}
