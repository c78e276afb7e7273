//! A room: its header, its messages, the composer, and the people.

mod actions;
mod composer;
mod context;
mod header;
mod loading;
mod messages;
pub mod reactions;
mod reading;
pub mod replies;
pub mod thread;
pub mod toolbar;

use leptos::prelude::*;
use shared::ids::{MessageId, RoomId};

use crate::boxed::{effect, memo};
use crate::components::page_frame::PageFrame;
use crate::components::people_panel::PeoplePanel;
use crate::overlays::Overlays;
use crate::pages::not_found_page::NotFoundPage;
use crate::pages::room_page::composer::RoomComposer;
use crate::pages::room_page::context::RoomContext;
use crate::pages::room_page::header::RoomPageHeader;
use crate::pages::room_page::messages::RoomMessages;
use crate::parts::{Part, Parts};

/// The page of one room. The app renders another room as another page.
#[component]
pub fn RoomPage(
    /// The room.
    room_id: RoomId,
    /// The message that the URL points at.
    pointed: Memo<Option<MessageId>>,
    /// What is loaded later.
    parts: Parts,
) -> impl IntoView {
    let room = RoomContext::new(room_id, parts);
    let RoomContext { state, live, overlays, .. } = room;
    provide_context(room);
    state.timelines.update_value(|timelines| timelines.enter(room_id));
    room.load_when_needed(pointed);
    room.keep_what_is_read();
    on_cleanup(move || {
        state.timelines.update_value(|timelines| timelines.leave(room_id));
        overlays.loading.set(false);
        overlays.thread.set(None);
    });
    let me = Signal::derive(move || room.me());
    // The members are loaded when the room is known, and again when the user lost and regained it.
    let is_known = memo(move || state.room(room_id, |_| ()).is_some());
    effect(move || {
        if is_known.get() {
            live.load_members(room_id);
        }
    });
    // Without a connection they did not come.
    let is_open = memo(move || state.connection.with(|connection| connection.is_open()));
    Effect::new(move |was_open: Option<bool>| {
        let is_open = is_open.get();
        let is_missing = move || !state.members.with_untracked(|members| members.is_loaded());
        if was_open == Some(false) && is_open && is_known.get_untracked() && is_missing() {
            live.load_members(room_id);
        }
        is_open
    });
    let on_person = Callback::new(move |user| {
        overlays.person.set(Some(user));
        overlays.room.set(true);
    });
    let lost = memo(move || state.departed.get().filter(|lost| lost.0 == room_id).map(|lost| lost.1));
    let is_there = move || !room.missing.get() && lost.with(Option::is_none);
    let instead = move || match lost.get() {
        Some(words) => view! { <LostRoom words=words /> }.into_any(),
        None => view! { <NotFoundPage /> }.into_any(),
    };
    view! {
        <div class="room-page">
            <Show when=is_there fallback=instead>
                <main id="main" class="room" tabindex="-1">
                    <RoomPageHeader />
                    <RoomMessages pointed=pointed />
                    <RoomComposer />
                </main>
                <PeoplePanel
                    presence=state.presence
                    members=state.members
                    me=me
                    open=overlays.people
                    on_person=on_person
                    on_more=Callback::new(move |()| live.load_members(room_id))
                />
                {move || overlays.thread.get().map(|root| parts.draw(Part::Thread(root)))}
            </Show>
        </div>
    }
}

/// Says how the user lost the room, and leads to the others.
#[component]
fn LostRoom(words: String) -> impl IntoView {
    let overlays = expect_context::<Overlays>();
    view! {
        <PageFrame menu_open=overlays.menu>
            <div class="empty">
                <h1 dir="auto">{words}</h1>
                <p>"Its messages are no longer available here."</p>
                <a class="button primary" href="/rooms">
                    "Back to the rooms"
                </a>
            </div>
        </PageFrame>
    }
}
