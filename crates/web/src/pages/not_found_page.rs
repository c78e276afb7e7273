//! The page of an unknown address.

use leptos::prelude::*;

use crate::components::page_frame::PageFrame;
use crate::overlays::Overlays;

/// Says that there is nothing here, and links to the rooms.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    let overlays = expect_context::<Overlays>();
    view! {
        <PageFrame menu_open=overlays.menu>
            <div class="empty">
                <h1>"There is nothing here"</h1>
                <p>"The room may have been deleted, or the link is incomplete."</p>
                <a class="button primary" href="/rooms">
                    "Back to the rooms"
                </a>
            </div>
        </PageFrame>
    }
}
