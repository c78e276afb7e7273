//! Nothing is at this address.

use leptos::prelude::*;

use crate::components::room_header::MenuButton;

/// Says so, and leads back.
#[component]
pub fn NotFoundPage(
    /// Whether the sidebar is open on a phone.
    menu_open: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <main id="main" class="page" tabindex="-1">
            <header class="page-head">
                <MenuButton open=menu_open />
            </header>
            <div class="empty">
                <h1>"There is nothing here"</h1>
                <p>"The room may have been deleted, or the link is incomplete."</p>
                <a class="button primary" href="/rooms">"Back to the rooms"</a>
            </div>
        </main>
    }
    .into_any()
}
