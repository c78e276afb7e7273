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
                {move || mention_badge(mentions())}
                {move || unread_badge(unread())}
            </a>
        </li>
    }
}

/// How many messages mention the user, if any do.
pub fn mention_badge(number: u64) -> Option<AnyView> {
    badge(number, "mentions", if number == 1 { " mention" } else { " mentions" })
}

/// How many messages are unread, if any are.
pub fn unread_badge(number: u64) -> Option<AnyView> {
    badge(number, "count", " unread")
}

/// A number beside the name, if it is one. Only its look has a sign.
fn badge(number: u64, class: &'static str, what: &'static str) -> Option<AnyView> {
    let text = match number {
        0 => return None,
        1..100 => number.to_string(),
        _ => "99+".to_owned(),
    };
    Some(view! { <span class=class>{text} <span class="sr-only">{what}</span></span> }.into_any())
}
