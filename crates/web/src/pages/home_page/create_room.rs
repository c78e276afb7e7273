//! The form that creates a room.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::rooms::RoomName;

use crate::browser;
use crate::client;
use crate::components::room_form::RoomForm;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::route::Route;
use crate::state::State;
use crate::state::toasts::Tone;

/// Creates a room and opens it. Users without a name are asked for one first.
#[component]
pub fn CreateRoom() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let navigation = expect_context::<Navigation>();
    let overlays = expect_context::<Overlays>();
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None);
    let done = RwSignal::new(0);
    let create = move |name: RoomName| {
        busy.set(true);
        spawn_local(async move {
            let outcome = client::rooms::create(name).await;
            // Users who have left the page stay where they are.
            let is_here = busy.try_set(false).is_none();
            match outcome {
                Ok(room) => {
                    done.try_update(|done| *done += 1);
                    let route = Route::Room(room.id);
                    live.take_room(room);
                    if is_here {
                        navigation.go(route);
                    }
                }
                Err(refused) => {
                    if refused.is_passing() {
                        state.toast(Tone::Error, refused.sentence(), browser::now());
                    }
                    error.try_set(Some(refused.sentence()));
                }
            }
        });
    };
    let on_submit = Callback::new(move |name: RoomName| {
        overlays.with_name(state, move || create(name.clone()));
    });
    view! {
        <RoomForm
            id="new-room"
            label="Create a room"
            action="Create room"
            busy=busy
            error=error
            done=done
            on_submit=on_submit
        />
    }
}
