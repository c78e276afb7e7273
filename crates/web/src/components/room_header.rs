//! The open room's name, who is there, and what its creator may do with it.

use leptos::prelude::*;
use shared::rooms::RoomName;

use crate::browser;
use crate::components::icon::icon;
use crate::components::room_form::RoomForm;
use crate::shapes::{act, flag, maybe, part, text};

/// The header of a room. The name turns into a field when it is being changed.
#[component]
pub fn RoomHeader(
    /// The room's name.
    #[prop(into)]
    name: Signal<String>,
    /// How many people are there.
    #[prop(into)]
    online: Signal<usize>,
    /// Whether one may rename and delete the room.
    #[prop(into)]
    owned: Signal<bool>,
    /// Whether the sidebar is open on a phone.
    menu_open: RwSignal<bool>,
    /// Whether the people are shown where there is no room for them.
    people_open: RwSignal<bool>,
    /// Whether the name is being changed.
    renaming: RwSignal<bool>,
    /// Whether the server is being asked.
    #[prop(into)]
    rename_busy: Signal<bool>,
    /// What the server had against the new name.
    rename_error: RwSignal<Option<String>>,
    /// A new name.
    on_rename: Callback<RoomName>,
    /// The room is to be deleted.
    on_delete: Callback<()>,
) -> impl IntoView {
    let stop = move || {
        renaming.set(false);
        rename_error.set(None);
        request_animation_frame(|| browser::focus("#rename"));
    };
    let toggle = move || {
        if renaming.get_untracked() {
            stop();
        } else {
            renaming.set(true);
            request_animation_frame(|| browser::focus("#room-name"));
        }
    };
    let title = part(move || {
        if renaming.get() {
            view! {
                <RoomForm
                    id="room-name"
                    label="Room name"
                    action="Save"
                    initial=name.get_untracked()
                    busy=rename_busy
                    error=rename_error
                    on_submit=on_rename
                    on_cancel=Callback::new(move |()| stop())
                />
            }
            .into_any()
        } else {
            view! {
                <h1 class="room-title" tabindex="-1">
                    {icon("hash")} <span class="room-title-name" dir="auto">{text(move || name.get())}</span>
                </h1>
            }
            .into_any()
        }
    });
    let owner = maybe(move || {
        owned.get().then(|| {
            view! {
                <button
                    id="rename"
                    type="button"
                    class="icon-button"
                    aria-label="Rename room"
                    title="Rename room"
                    aria-expanded=text(move || renaming.get().to_string())
                    on:click=act(toggle)
                >
                    {icon("pencil")}
                </button>
                <button
                    type="button"
                    class="icon-button"
                    aria-label="Delete room"
                    title="Delete room"
                    on:click=act(move || on_delete.run(()))
                >
                    {icon("bin")}
                </button>
            }
        })
    });
    view! {
        <header class="room-header">
            <MenuButton open=menu_open />
            {title}
            <span class="room-online">
                <span class="dot" class:none=flag(move || online.get() == 0) aria-hidden="true"></span>
                <strong>{text(move || online.get().to_string())}</strong>
                <span class="room-online-word">"Online"</span>
            </span>
            {owner}
            <button
                type="button"
                class="icon-button people-button"
                aria-label="People"
                title="People"
                aria-controls="people"
                aria-expanded=text(move || people_open.get().to_string())
                on:click=act(move || people_open.update(|open| *open = !*open))
            >
                {icon("people")}
            </button>
        </header>
    }
    .into_any()
}

/// Opens the sidebar on a phone.
#[component]
pub fn MenuButton(
    /// Whether it is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <button
            id="menu-button"
            type="button"
            class="icon-button menu-button"
            aria-label="Open menu"
            aria-controls="sidebar"
            aria-expanded=text(move || open.get().to_string())
            on:click=act(move || open.set(true))
        >
            {icon("menu")}
        </button>
    }
    .into_any()
}
