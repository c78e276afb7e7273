//! The dialogs of the shell.

use leptos::prelude::*;

use crate::app::account::AccountDialogs;
use crate::app::back::close_by_back;
use crate::boxed::effect;
use crate::components::confirm_dialog::ConfirmDialog;
use crate::components::room_switcher::RoomSwitcher;
use crate::components::shortcuts_dialog::ShortcutsDialog;
use crate::dialogs::browse_dialog::BrowseDialog;
use crate::dialogs::create_room_dialog::CreateRoomDialog;
use crate::dialogs::edits_dialog::EditsDialog;
use crate::dialogs::emoji_picker::EmojiPicker;
use crate::dialogs::image_viewer::ImageViewer;
use crate::dialogs::room_dialog::RoomDialog;
use crate::dialogs::settings_dialog::SettingsDialog;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::notifying;
use crate::overlays::Overlays;
use crate::route::Route;
use crate::state::State;

/// All dialogs, connected to the state and to the server.
#[component]
pub fn AppDialogs() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let navigation = expect_context::<Navigation>();
    let overlays = expect_context::<Overlays>();
    close_by_back(navigation, overlays);
    notifying::start(state, live, navigation);
    // A search must find rooms that are not listed yet.
    effect(move || {
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
        <AccountDialogs />
        <SettingsDialog />
        <CreateRoomDialog />
        <BrowseDialog />
        <RoomDialog />
        <ImageViewer />
        <EmojiPicker />
        <EditsDialog />
        <ShortcutsDialog open=overlays.shortcuts />
        <ConfirmDialog question=overlays.question />
    }
}
