//! The header of the room's page.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::members::Operation;
use shared::rooms::{Room, RoomName, UpdateRoom};

use crate::boxed::{effect, memo};
use crate::browser;
use crate::client;
use crate::components::room_header::{Renaming, RoomHeader, close_form};
use crate::components::room_sign::RoomFace;
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
        let update = UpdateRoom { name: Some(name), ..UpdateRoom::default() };
        busy.set(true);
        spawn_local(async move {
            let outcome = client::rooms::update(room_id, update).await;
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
    let on_join = Callback::new(move |()| {
        spawn_local(async move {
            if let Err(error) = client::members::join(room_id).await {
                state.toast(Tone::Error, error.sentence(), browser::now());
            }
        });
    });
    let topic = memo(move || {
        state
            .room(room_id, |room| room.topic.as_ref().map(|topic| topic.as_str().to_owned()))
            .flatten()
            .unwrap_or_default()
    });
    let may_join = memo(move || {
        let is_out = |room: &Room| room.viewer.as_ref().is_some_and(|viewer| viewer.role.is_none());
        room.me().is_some() && room.may(Operation::Join) && state.room(room_id, is_out) == Some(true)
    });
    view! {
        <RoomHeader
            name=room.room_name()
            topic=topic
            face=move |()| state.room(room_id, |room| RoomFace::from(room)).unwrap_or_default()
            online=memo(move || state.presence.with(|presence| presence.online))
            may_rename=memo(move || room.may(Operation::UpdateRoom))
            may_join=may_join
            menu_open=overlays.menu
            people_open=overlays.people
            renaming=Renaming { open, busy, error, on_rename }
            on_join=on_join
            on_settings=Callback::new(move |()| {
                overlays.person.set(None);
                overlays.room.set(true);
            })
        />
    }
}
