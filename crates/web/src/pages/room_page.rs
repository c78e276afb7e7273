//! A room: its header, its messages, the composer, and the people.

mod actions;
mod composer;
mod context;
mod header;
mod loading;
mod messages;
mod reading;

use leptos::prelude::*;
use shared::ids::{MessageId, RoomId};

use crate::components::people_panel::PeoplePanel;
use crate::pages::not_found_page::NotFoundPage;
use crate::pages::room_page::composer::RoomComposer;
use crate::pages::room_page::context::RoomContext;
use crate::pages::room_page::header::RoomPageHeader;
use crate::pages::room_page::messages::RoomMessages;

/// The page of one room. The app renders another room as another page.
#[component]
pub fn RoomPage(
    /// The room.
    room_id: RoomId,
    /// The message that the URL points at.
    pointed: Memo<Option<MessageId>>,
) -> impl IntoView {
    let room = RoomContext::new(room_id);
    let RoomContext { state, overlays, .. } = room;
    provide_context(room);
    state.timelines.update_value(|timelines| timelines.enter(room_id));
    room.load_when_needed(pointed);
    room.keep_what_is_read();
    on_cleanup(move || {
        state.timelines.update_value(|timelines| timelines.leave(room_id));
        overlays.loading.set(false);
    });
    let me = Signal::derive(move || room.me());
    view! {
        <div class="room-page">
            <Show when=move || !room.missing.get() fallback=|| view! { <NotFoundPage /> }>
                <main id="main" class="room" tabindex="-1">
                    <RoomPageHeader />
                    <RoomMessages pointed=pointed />
                    <RoomComposer />
                </main>
                <PeoplePanel presence=state.presence me=me open=overlays.people />
            </Show>
        </div>
    }
}
