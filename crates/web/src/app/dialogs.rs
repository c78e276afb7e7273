//! The dialogs of the shell.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::users::Username;

use crate::browser;
use crate::components::confirm_dialog::ConfirmDialog;
use crate::components::name_dialog::NameDialog;
use crate::components::room_switcher::RoomSwitcher;
use crate::components::settings_dialog::SettingsDialog;
use crate::components::shortcuts_dialog::ShortcutsDialog;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::route::Route;
use crate::session::{become_guest, sign_out};
use crate::state::State;
use crate::state::toasts::Tone;

/// All dialogs, connected to the state and to the server.
#[component]
pub fn AppDialogs() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let navigation = expect_context::<Navigation>();
    let overlays = expect_context::<Overlays>();
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None);
    let on_name = Callback::new(move |name: Username| {
        busy.set(true);
        spawn_local(async move {
            match become_guest(state, live, name).await {
                Ok(()) => overlays.named(),
                Err(refused) => error.set(Some(refused.sentence())),
            }
            busy.set(false);
        });
    });
    let on_sign_out = Callback::new(move |()| {
        spawn_local(async move {
            match sign_out(state, live).await {
                Ok(()) => state.toast(Tone::Notice, "You are signed out.", browser::now()),
                Err(error) => state.toast(Tone::Error, error.sentence(), browser::now()),
            }
        });
    });
    // A search must find rooms that are not listed yet.
    Effect::new(move || {
        if overlays.switcher.get() {
            live.load_all_rooms();
        }
    });
    let on_choose = Callback::new(move |room_id| navigation.go(Route::Room(room_id)));
    view! {
        <RoomSwitcher
            open=overlays.switcher
            rooms=state.rooms
            reading=state.reading
            unread=state.unread
            is_complete=Signal::derive(move || {
                // Without a connection, new rooms are not announced.
                let is_open = state.connection.with(|connection| connection.is_open());
                is_open && state.rooms.with(|rooms| rooms.is_loaded() && rooms.next_cursor().is_none())
            })
            on_choose=on_choose
        />
        <NameDialog open=overlays.name busy=busy error=error on_submit=on_name />
        <SettingsDialog open=overlays.settings identity=state.identity on_sign_out=on_sign_out />
        <ShortcutsDialog open=overlays.shortcuts />
        <ConfirmDialog question=overlays.question />
    }
}
