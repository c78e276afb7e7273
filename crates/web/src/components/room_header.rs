//! The header of a room: its name, how many people are there, and the actions of its owner.

use leptos::prelude::*;
use shared::rooms::RoomName;

use crate::browser;
use crate::components::icon::Icon;
use crate::components::icon_button::IconButton;
use crate::components::menu_button::MenuButton;
use crate::components::room_form::RoomForm;
use crate::components::room_sign::{RoomFace, room_sign};

/// The state of a rename.
#[derive(Clone, Copy)]
pub struct Renaming {
    /// Whether the form is open.
    pub open: RwSignal<bool>,
    /// Whether the request is in flight.
    pub busy: RwSignal<bool>,
    /// What is wrong with the new name.
    pub error: RwSignal<Option<String>>,
    /// Called with the new name.
    pub on_rename: Callback<RoomName>,
}

impl Renaming {
    fn stop(self) {
        close_form(self.open, self.error);
    }

    fn toggle(self) {
        if self.open.get_untracked() {
            self.stop();
        } else {
            self.open.set(true);
            request_animation_frame(|| browser::focus("#room-name"));
        }
    }
}

/// Closes the form of a rename. The focus goes from the form to the button that opened it.
pub fn close_form(open: RwSignal<bool>, error: RwSignal<Option<String>>) {
    let was_focused = browser::find(".room-header form :focus").is_some();
    open.set(false);
    error.set(None);
    if was_focused {
        request_animation_frame(|| browser::focus("#rename"));
    }
}

/// The header of a room. A form replaces the name while the room is being renamed.
#[component]
pub fn RoomHeader(
    /// The room's name.
    name: Memo<String>,
    /// How many people are in the room.
    online: Memo<u32>,
    /// What the room is about.
    topic: Memo<String>,
    /// The room's picture, and whether only members see it; tracked.
    #[prop(into)]
    face: Callback<(), RoomFace>,
    /// Whether the user may rename the room.
    may_rename: Memo<bool>,
    /// Whether the user may join the room.
    may_join: Memo<bool>,
    /// Whether the sidebar is open on narrow screens.
    menu_open: RwSignal<bool>,
    /// Whether the people panel is open where it does not fit beside the messages.
    people_open: RwSignal<bool>,
    /// The state of a rename.
    renaming: Renaming,
    /// Called to join the room.
    on_join: Callback<()>,
    /// Called to open the dialog about the room.
    on_settings: Callback<()>,
) -> impl IntoView {
    view! {
        <header class="room-header">
            <MenuButton open=menu_open />
            <Show
                when=move || renaming.open.get()
                fallback=move || view! { <RoomTitle name=name topic=topic face=face /> }
            >
                <RoomForm
                    id="room-name"
                    label="Room name"
                    action="Save"
                    initial=name.get_untracked()
                    busy=renaming.busy
                    error=renaming.error
                    on_submit=renaming.on_rename
                    on_cancel=Callback::new(move |()| renaming.stop())
                />
            </Show>
            <OnlineCount online=online />
            <Show when=move || may_join.get()>
                <button type="button" class="button small" on:click=move |_| on_join.run(())>
                    "Join"
                </button>
            </Show>
            <Show when=move || may_rename.get()>
                <button
                    type="button"
                    id="rename"
                    class="icon-button"
                    aria-label="Rename room"
                    title="Rename room"
                    aria-expanded=move || renaming.open.get().to_string()
                    on:click=move |_| renaming.toggle()
                >
                    <Icon name="pencil" />
                </button>
            </Show>
            <IconButton label="Room settings" icon="gear" on_press=on_settings />
            <button
                type="button"
                class="icon-button people-button"
                aria-label="People"
                title="People"
                aria-controls="people"
                aria-expanded=move || people_open.get().to_string()
                on:click=move |_| people_open.update(|open| *open = !*open)
            >
                <Icon name="people" />
            </button>
        </header>
    }
}

#[component]
fn RoomTitle(name: Memo<String>, topic: Memo<String>, face: Callback<(), RoomFace>) -> impl IntoView {
    view! {
        <h1 class="room-title" tabindex="-1">
            {move || room_sign(face.run(()))}
            <span class="room-title-name" dir="auto">
                {move || name.get()}
            </span>
        </h1>
        <p class="room-topic" dir="auto" title=move || topic.get()>
            {move || topic.get()}
        </p>
    }
}

#[component]
fn OnlineCount(online: Memo<u32>) -> impl IntoView {
    view! {
        <span class="room-online">
            <span class="dot" class:none=move || online.get() == 0 aria-hidden="true"></span>
            <strong>{move || online.get()}</strong>
            " "
            <span class="room-online-word">"Online"</span>
        </span>
    }
}
