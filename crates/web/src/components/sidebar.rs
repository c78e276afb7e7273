//! The sidebar: all rooms, and the session.

use leptos::prelude::*;
use leptos::reactive::computed::Selector;
use shared::ids::RoomId;
use shared::users::UserKind;
use uuid::Uuid;

use crate::boxed::memo;
use crate::components::avatar::Avatar;
use crate::components::icon::Icon;
use crate::components::icon_button::IconButton;
use crate::components::keyed_list::KeyedList;
use crate::components::room_link::{RoomLink, RoomSign};
use crate::components::skeleton::Skeleton;
use crate::state::Identity;
use crate::state::rooms::RoomList;

/// The rooms with their unread counts. On narrow screens it covers the page while it is open.
#[component]
pub fn Sidebar(
    /// The rooms.
    rooms: RwSignal<RoomList>,
    /// The rooms to list, in their order.
    order: Memo<Vec<RoomId>>,
    /// A room's name and how many messages are unread there, tracked.
    sign: Callback<RoomId, RoomSign>,
    /// The open room.
    current: Memo<Option<RoomId>>,
    /// The user.
    identity: RwSignal<Identity>,
    /// Whether more rooms are loading.
    loading: RwSignal<bool>,
    /// Whether the sidebar is open on narrow screens.
    open: RwSignal<bool>,
    /// Called to create a room.
    on_create: Callback<()>,
    /// Called to open the room finder.
    on_find: Callback<()>,
    /// Called to load more rooms.
    on_more: Callback<()>,
    /// Called to browse all public rooms.
    on_browse: Callback<()>,
    /// Called to sign in.
    on_sign_in: Callback<()>,
    /// Called to open the settings.
    on_settings: Callback<()>,
) -> impl IntoView {
    let keys = memo(move || order.with(|order| order.iter().map(|id| id.0.as_u128()).collect::<Vec<_>>()));
    // A selector notifies only the room that the user leaves and the one that the user enters.
    let is_current = StoredValue::new(Selector::new(move || current.get()));
    let draw = move |key| {
        let id = RoomId(Uuid::from_u128(key));
        let current = Signal::derive(move || is_current.with_value(|it| it.selected(&Some(id))));
        view! { <RoomLink id=id sign=memo(move || sign.run(id)) current=current /> }.into_any()
    };
    view! {
        <nav id="sidebar" class="sidebar" class:open=move || open.get() aria-label="Chat rooms">
            <div class="sidebar-head">
                <a class="brand" href="/rooms">
                    <Icon name="logo" />
                    "Parlance"
                </a>
                <IconButton
                    label="Close menu"
                    icon="close"
                    class="icon-button sidebar-close"
                    on_press=move |()| open.set(false)
                />
            </div>
            <button
                type="button"
                class="find"
                aria-keyshortcuts="Control+K Meta+K"
                on:click=move |_| on_find.run(())
            >
                <Icon name="search" />
                <span>"Find a room"</span>
                <kbd>"Ctrl K"</kbd>
            </button>
            <div class="sidebar-title">
                <h2>"Chat Rooms"</h2>
                <button type="button" class="button quiet small" on:click=move |_| on_create.run(())>
                    <Icon name="plus" />
                    "Create New"
                </button>
            </div>
            <div class="sidebar-rooms">
                <ul aria-label="Rooms">
                    <KeyedList keys=keys draw=draw />
                </ul>
                <div class="sidebar-end">
                    <RoomsEnd rooms=rooms loading=loading on_more=on_more />
                    <button type="button" class="button quiet small" on:click=move |_| on_browse.run(())>
                        "Browse rooms"
                    </button>
                </div>
            </div>
            <div class="session">
                <Session identity=identity on_sign_in=on_sign_in />
                <IconButton label="Settings" icon="gear" on_press=on_settings />
            </div>
        </nav>
    }
}

/// What the list of rooms ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Loading,
    More,
    NoRooms,
    Mine,
    Complete,
}

#[component]
fn RoomsEnd(rooms: RwSignal<RoomList>, loading: RwSignal<bool>, on_more: Callback<()>) -> impl IntoView {
    let end = memo(move || {
        rooms.with(|rooms| match (rooms.is_loaded(), rooms.next_cursor().is_some(), rooms.all().is_empty()) {
            (false, ..) => End::Loading,
            // The user's own rooms are there, and others are not listed here.
            (true, true, _) | (true, false, false) if rooms.has_membership() => End::Mine,
            (true, true, _) => End::More,
            (true, false, true) => End::NoRooms,
            (true, false, false) => End::Complete,
        })
    });
    let more = move || {
        view! {
            <button
                type="button"
                class="button small"
                aria-busy=move || loading.get().to_string()
                on:click=move |_| on_more.run(())
            >
                {move || if loading.get() { "Loading…" } else { "Load more rooms…" }}
            </button>
        }
    };
    let draw = move || match end.get() {
        End::Loading => view! { <Skeleton class="skeleton-rooms" bars=4 /> }.into_any(),
        End::More => more().into_any(),
        End::NoRooms => view! { <p class="rooms-end">"There are no rooms yet."</p> }.into_any(),
        End::Mine => view! { <p class="rooms-end">"These are all your rooms."</p> }.into_any(),
        End::Complete => view! { <p class="rooms-end">"There are no more rooms."</p> }.into_any(),
    };
    view! { {move || draw()} }
}

#[component]
fn Session(identity: RwSignal<Identity>, on_sign_in: Callback<()>) -> impl IntoView {
    let draw = move || match identity.get() {
        Identity::User(user) => {
            let name = user.username.as_str().to_owned();
            let kind = if user.kind == UserKind::Guest { "guest" } else { "member" };
            view! {
                <Avatar picture=&user name=name.clone() />
                <span class="session-name">
                    <span dir="auto">{name}</span>
                    <span class="session-kind">{kind}</span>
                </span>
            }
            .into_any()
        }
        Identity::Anonymous => view! {
            <span class="session-name session-kind">"Just looking around"</span>
            <button type="button" class="button small" on:click=move |_| on_sign_in.run(())>
                "Sign in"
            </button>
        }
        .into_any(),
        Identity::Unknown => view! { <span class="session-name"></span> }.into_any(),
    };
    view! { {move || draw()} }
}
