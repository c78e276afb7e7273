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
