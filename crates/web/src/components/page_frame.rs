//! The frame of every page except rooms.

use leptos::prelude::*;

use crate::components::menu_button::MenuButton;

/// A page with the menu button above its content.
#[component]
pub fn PageFrame(
    /// Whether the sidebar is open on narrow screens.
    menu_open: RwSignal<bool>,
    /// The content.
    children: Children,
) -> impl IntoView {
    view! {
        <main id="main" class="page" tabindex="-1">
            <header class="page-head">
                <MenuButton open=menu_open />
            </header>
            {children()}
        </main>
    }
}
