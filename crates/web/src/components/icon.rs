//! The icons of the sprite in `index.html`.

use leptos::prelude::*;

/// An icon. It is hidden from screen readers: the control around it has the label.
#[component]
pub fn Icon(
    /// The icon's name in the sprite, without `icon-`.
    name: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" aria-hidden="true">
            <use_ href=format!("#icon-{name}") />
        </svg>
    }
}

/// The sign before a room's name: a lock before the names of private rooms. It says so to screen readers.
pub fn room_icon(is_private: bool) -> AnyView {
    match is_private {
        true => view! {
            <Icon name="lock" />
            <span class="sr-only">"Private: "</span>
        }
        .into_any(),
        false => view! { <Icon name="hash" /> }.into_any(),
    }
}
