//! A room in the sidebar.

use leptos::prelude::*;
use shared::ids::RoomId;

use crate::components::room_sign::{RoomFace, room_sign};
use crate::route::Route;

/// What a link to a room shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomSign {
    /// The room's name.
    pub name: String,
    /// Its picture, and whether only members see it.
    pub face: RoomFace,
    /// How many messages are unread.
    pub unread: u64,
}

/// A link to a room, with its unread count.
#[component]
pub fn RoomLink(
    /// The room.
    id: RoomId,
    /// Its name and its unread count.
    sign: Memo<RoomSign>,
    /// Whether it is the open room.
    current: Signal<bool>,
) -> impl IntoView {
    let unread = move || sign.with(|sign| sign.unread);
    let count = move || match unread() {
        many @ 100.. => format!("{}+", many.min(99)),
        few => few.to_string(),
    };
    view! {
        <li>
            <a
                class="room-link"
                class:unread=move || { unread() > 0 }
                href=Route::Room(id).path()
                aria-current=move || current.get().then_some("page")
            >
                {move || room_sign(sign.with(|sign| sign.face.clone()))}
                <span class="room-link-name" dir="auto">
                    {move || sign.with(|sign| sign.name.clone())}
                </span>
                <Show when=move || { unread() > 0 }>
                    <span class="count">{move || count()} <span class="sr-only">" unread"</span></span>
                </Show>
            </a>
        </li>
    }
}
