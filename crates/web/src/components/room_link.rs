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
    /// How many of them mention the user.
    pub mentions: u64,
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
    let mentions = move || sign.with(|sign| sign.mentions);
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
                {move || badge(mentions(), "mentions", " mentions")}
                {move || badge(unread(), "count", " unread")}
            </a>
        </li>
    }
}

/// A number beside the name, if it is one.
fn badge(number: u64, class: &'static str, what: &'static str) -> Option<AnyView> {
    let sign = if class == "mentions" { "@" } else { "" };
    let text = match number {
        0 => return None,
        1..100 => format!("{sign}{number}"),
        _ => format!("{sign}99+"),
    };
    Some(view! { <span class=class>{text} <span class="sr-only">{what}</span></span> }.into_any())
}
