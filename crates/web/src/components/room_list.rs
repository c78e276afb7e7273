//! The sidebar: all rooms, and who one is.

use leptos::prelude::*;
use shared::ids::RoomId;
use uuid::Uuid;

use crate::components::avatar::avatar;
use crate::components::icon::icon;
use crate::route::Route;
use crate::shapes::{act, each, flag, maybe, memo, part, text};
use crate::state::Identity;
use crate::state::reading::ReadMarks;
use crate::state::rooms::RoomList as Rooms;

/// The sidebar's properties that are actions.
#[derive(Clone, Copy)]
pub struct RoomListActions {
    /// Makes a room.
    pub on_create: Callback<()>,
    /// Finds a room.
    pub on_find: Callback<()>,
    /// Loads more rooms.
    pub on_more: Callback<()>,
    /// Opens the settings.
    pub on_settings: Callback<()>,
}

/// The rooms with their unread counts. On a phone it covers everything while it is open.
#[component]
pub fn RoomList(
    /// The rooms.
    rooms: RwSignal<Rooms>,
    /// How far one has read them.
    reading: RwSignal<ReadMarks>,
    /// The room that is open.
    #[prop(into)]
    current: Signal<Option<RoomId>>,
    /// Who one is.
    identity: RwSignal<Identity>,
    /// Whether more rooms are on their way.
    #[prop(into)]
    loading: Signal<bool>,
    /// Whether it is open on a phone.
    open: RwSignal<bool>,
    /// What its buttons do.
    actions: RoomListActions,
) -> impl IntoView {
    let RoomListActions { on_create, on_find, on_more, on_settings } = actions;
    let ids = memo(move || {
        rooms.with(|rooms| rooms.all().iter().map(|room| room.id.0.as_u128()).collect::<Vec<_>>())
    });
    let end = move || match rooms.with(|rooms| (rooms.is_loaded(), rooms.next_cursor().is_some())) {
        (false, _) => skeleton(),
        (true, true) => view! {
            <button
                type="button"
                class="button small"
                aria-busy=text(move || loading.get().to_string())
                on:click=act(move || on_more.run(()))
            >
                {text(move || if loading.get() { "Loading…" } else { "Load more rooms…" })}
            </button>
        }
        .into_any(),
        (true, false) if rooms.with(|rooms| rooms.all().is_empty()) => {
            view! { <p class="rooms-end">"There are no rooms yet."</p> }.into_any()
        }
        (true, false) => view! { <p class="rooms-end">"There are no more rooms."</p> }.into_any(),
    };
    let session = move || match identity.get() {
        Identity::User(user) => view! {
            {avatar(user.id, user.username.as_str())}
            <span class="session-name">
                <span dir="auto">{user.username.as_str().to_owned()}</span>
                <span class="session-kind">"guest"</span>
            </span>
        }
        .into_any(),
        Identity::Anonymous => {
            view! { <span class="session-name session-kind">"Just looking around"</span> }.into_any()
        }
        Identity::Unknown => view! { <span class="session-name"></span> }.into_any(),
    };
    view! {
        <nav id="sidebar" class="sidebar" class:open=open aria-label="Chat rooms">
            <div class="sidebar-head">
                <a class="brand" href="/rooms">{icon("logo")} "Parlance"</a>
                <button
                    type="button"
                    class="icon-button sidebar-close"
                    aria-label="Close menu"
                    on:click=act(move || open.set(false))
                >
                    {icon("close")}
                </button>
            </div>
            <button
                type="button"
                class="find"
                aria-keyshortcuts="Control+K Meta+K"
                on:click=act(move || on_find.run(()))
            >
                {icon("search")} <span>"Find a room"</span> <kbd>"Ctrl K"</kbd>
            </button>
            <div class="sidebar-title">
                <h2>"Chat Rooms"</h2>
                <button type="button" class="button quiet small" on:click=act(move || on_create.run(()))>
                    {icon("plus")} "Create New"
                </button>
            </div>
            <div class="sidebar-rooms">
                <ul aria-label="Rooms">
                    {each(
                        move || ids.get(),
                        move |id| room_link(RoomId(Uuid::from_u128(id)), rooms, reading, current),
                    )}
                </ul>
                <div class="sidebar-end">{part(end)}</div>
            </div>
            <div class="session">
                {part(session)}
                <button
                    type="button"
                    class="icon-button"
                    aria-label="Settings"
                    title="Settings"
                    on:click=act(move || on_settings.run(()))
                >
                    {icon("gear")}
                </button>
            </div>
        </nav>
    }
    .into_any()
}

fn room_link(
    id: RoomId,
    rooms: RwSignal<Rooms>,
    reading: RwSignal<ReadMarks>,
    current: Signal<Option<RoomId>>,
) -> AnyView {
    let shown = memo(move || {
        rooms
            .with(|rooms| {
                let room = rooms.get(id)?;
                Some((room.name.as_str().to_owned(), reading.with(|reading| reading.unread(room))))
            })
            .unwrap_or_default()
    });
    let count = move || match shown.with(|(_, unread)| *unread) {
        0 => None,
        unread => Some(view! {
            <span class="count">
                {if unread > 99 { "99+".to_owned() } else { unread.to_string() }}
                <span class="sr-only">" unread"</span>
            </span>
        }),
    };
    view! {
        <li>
            <a
                class="room-link"
                class:unread=flag(move || shown.with(|(_, unread)| *unread > 0))
                href=Route::Room(id).path()
                aria-current=move || (current.get() == Some(id)).then_some("page")
            >
                {icon("hash")}
                <span class="room-link-name" dir="auto">{text(move || shown.with(|(name, _)| name.clone()))}</span>
                {maybe(count)}
            </a>
        </li>
    }
    .into_any()
}

fn skeleton() -> AnyView {
    view! { <div class="skeleton-rooms" aria-hidden="true"><i></i><i></i><i></i><i></i></div> }.into_any()
}
