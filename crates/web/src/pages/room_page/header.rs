//! The header of the room's page.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::rooms::RoomName;

use crate::client;
use crate::components::room_header::{Renaming, RoomHeader};
use crate::pages::room_page::context::RoomContext;

/// The room's header, connected to the state and to the server.
#[component]
pub fn RoomPageHeader() -> impl IntoView {
    let room = expect_context::<RoomContext>();
    let RoomContext { state, overlays, room_id, .. } = room;
    let open = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None);
    let on_rename = Callback::new(move |name: RoomName| {
        busy.set(true);
        spawn_local(async move {
            match client::rooms::update(room_id, name).await {
                Ok(room) => {
                    state.rooms.update(|rooms| rooms.insert(room));
                    open.try_set(false);
                    error.try_set(None);
                }
                Err(refused) => drop(error.try_set(Some(refused.sentence()))),
            }
            busy.try_set(false);
        });
    });
    view! {
        <RoomHeader
            name=room.room_name()
            online=Memo::new(move |_| state.presence.with(|presence| presence.online))
            owned=Memo::new(move |_| room.owns_room())
            menu_open=overlays.menu
            people_open=overlays.people
            renaming=Renaming { open, busy, error, on_rename }
            on_delete=Callback::new(move |()| room.ask_to_delete_room())
        />
    }
}
