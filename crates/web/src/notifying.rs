//! Shows desktop notifications: of what the room's level asks for, never of the room that is in view, and by one tab for
//! all.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::events::MessageChange;
use shared::read_marks::Notify;
use shared::rooms::Room;

use crate::browser::notices::{self, Permission};
use crate::browser::{self, keys, locks};
use crate::live::Live;
use crate::navigation::Navigation;
use crate::route::Route;
use crate::state::State;
use crate::state::excerpts::excerpt;
use crate::state::notices::{notifies, tell};

/// How long a tab waits for one in which the room is in view to say so.
const DEFERENCE: Duration = Duration::from_millis(300);

/// Shows notifications from now on.
pub fn start(state: State, live: Live, navigation: Navigation) {
    live.on_message(move |change| hear(state, live, navigation, change));
}

fn hear(state: State, live: Live, navigation: Navigation, change: &MessageChange) {
    let Some(me) = state.me() else { return };
    let level = |room: &Room| room.viewer.as_ref().and_then(|viewer| viewer.notify);
    let level = state.rooms.with_untracked(|rooms| rooms.get(change.room_id).and_then(level));
    if !notifies(change, level.unwrap_or(Notify::None), me, browser::now()) {
        return;
    }
    let (room_id, id) = (change.room_id, change.message.id);
    let is_in_view = live.attentive.get_untracked() && navigation.here().room() == Some(room_id);
    if is_in_view {
        // Other tabs need not tell it, either.
        browser::save(keys::TOLD, &tell(&told(), id).unwrap_or_default());
        return;
    }
    let is_wanted = browser::load(keys::NOTIFY).is_some() && notices::permission() == Permission::Granted;
    if !is_wanted {
        return;
    }
    let room = state.room_name(room_id).unwrap_or_default();
    let title = format!("{} in {room}", change.message.author.username.as_str());
    let words = Some(excerpt(&change.message)).filter(|words| !words.is_empty());
    let words = words.unwrap_or_else(|| "Files".to_owned());
    spawn_local(async move {
        browser::pause(DEFERENCE).await;
        let lock = locks::hold("parlance.notify").await;
        if let Some(now_told) = tell(&told(), id) {
            browser::save(keys::TOLD, &now_told);
            let is_silent = browser::load(keys::NOTIFY_SOUND).is_none();
            let open = move || navigation.go(Route::Message(room_id, id));
            notices::show(&title, &words, &id.to_string(), is_silent, open);
        }
        drop(lock);
    });
}

fn told() -> String {
    browser::stored(keys::TOLD).unwrap_or_default()
}
