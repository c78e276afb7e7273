//! The button that opens the sidebar on narrow screens.

use leptos::prelude::*;

use crate::components::icon::Icon;

/// Opens the sidebar.
#[component]
pub fn MenuButton(
    /// Whether the sidebar is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <button
            type="button"
            id="menu-button"
            class="icon-button menu-button"
            aria-label="Open menu"
            title="Open menu"
            aria-controls="sidebar"
            aria-expanded=move || open.get().to_string()
            on:click=move |_| open.set(true)
        >
            <Icon name="menu" />
        </button>
    }
}
