//! The header of the room's page.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::rooms::RoomName;

use crate::boxed::{effect, memo};
use crate::browser;
use crate::client;
use crate::components::room_header::{Renaming, RoomHeader, close_form};
use crate::pages::room_page::context::RoomContext;
use crate::state::toasts::Tone;

/// The room's header, connected to the state and to the server.
#[component]
pub fn RoomPageHeader() -> impl IntoView {
    let room = expect_context::<RoomContext>();
    let RoomContext { state, overlays, room_id, .. } = room;
    let open = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None);
    // Counts the forms that were opened and closed: an answer belongs to the form that asked.
    let form = StoredValue::new(0_u32);
    effect(move || {
        open.track();
        form.update_value(|number| *number += 1);
        busy.set(false);
    });
    let on_rename = Callback::new(move |name: RoomName| {
        let asking = form.get_value();
        busy.set(true);
        spawn_local(async move {
            let outcome = client::rooms::update(room_id, name).await;
            let is_open = form.try_get_value() == Some(asking);
            match outcome {
                Ok(room) => {
                    state.take_room(room);
                    if is_open {
                        close_form(open, error);
                    }
                }
                Err(refused) if is_open => {
                    error.set(Some(refused.sentence()));
                    busy.set(false);
                }
                Err(refused) => state.toast(Tone::Error, refused.sentence(), browser::now()),
            }
        });
    });
    view! {
        <RoomHeader
            name=room.room_name()
            online=memo(move || state.presence.with(|presence| presence.online))
            owned=memo(move || room.owns_room())
            menu_open=overlays.menu
            people_open=overlays.people
            renaming=Renaming { open, busy, error, on_rename }
            on_delete=Callback::new(move |()| room.ask_to_delete_room())
        />
    }
}
