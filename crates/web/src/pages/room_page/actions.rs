//! The user's actions on messages and on the room.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::MessageId;
use shared::messages::{Author, MessageText};

use crate::browser;
use crate::client;
use crate::components::confirm_dialog::Question;
use crate::components::message_actions::MessageActions;
use crate::components::message_list::target::ScrollTarget;
use crate::pages::room_page::context::RoomContext;
use crate::route::Route;
use crate::sending;
use crate::state::toasts::Tone;

impl RoomContext {
    /// The actions of the list's buttons.
    pub fn actions(self) -> MessageActions {
        let Self { state, room_id, editing, .. } = self;
        let edit_error = RwSignal::new(None);
        let edit_busy = RwSignal::new(false);
        let stop_editing = move || {
            editing.try_set(None);
            edit_error.try_set(None);
            request_animation_frame(|| browser::focus("#composer"));
        };
        let on_save = move |(id, text): (MessageId, MessageText)| {
            edit_busy.set(true);
            spawn_local(async move {
                match client::messages::update(room_id, id, text).await {
                    Ok(message) => {
                        state.apply_message(message);
                        stop_editing();
                    }
                    Err(error) => drop(edit_error.try_set(Some(error.sentence()))),
                }
                edit_busy.try_set(false);
            });
        };
        let on_edit = move |id| {
            edit_error.set(None);
            editing.set(Some(id));
        };
        let on_copy_link = move |id| {
            let origin = window().location().origin().unwrap_or_default();
            browser::copy(&format!("{origin}{}", Route::Message(room_id, id).path()));
            state.toast(Tone::Notice, "The link is copied.", browser::now());
        };
        let on_retry = move |id| {
            state.with_timeline(room_id, |timeline| timeline.retry(id));
            sending::pump(state, room_id);
        };
        let on_discard = move |id| {
            state.with_timeline(room_id, |timeline| timeline.discard(id));
        };
        MessageActions {
            editing,
            edit_error,
            edit_busy,
            on_edit: Callback::new(on_edit),
            on_save: Callback::new(on_save),
            on_cancel_edit: Callback::new(move |()| stop_editing()),
            on_delete: Callback::new(move |id| self.ask_to_delete_message(id)),
            on_copy_link: Callback::new(on_copy_link),
            on_retry: Callback::new(on_retry),
            on_discard: Callback::new(on_discard),
        }
    }

    /// Shows a message as pending and sends it.
    pub fn send(self, text: &MessageText) {
        let Some(author) = self.state.identity.with_untracked(|identity| identity.user().map(Author::from))
        else {
            return;
        };
        let Some(now) = browser::timestamp() else { return };
        self.live.stop_typing();
        let id = browser::new_message_id();
        let text = text.as_str().to_owned();
        let at_newest = self.state.with_timeline(self.room_id, |timeline| {
            timeline.push(id, author, text, now);
            timeline.is_at_newest()
        });
        if at_newest == Some(true) {
            self.target.set(Some(ScrollTarget::Newest));
        } else {
            self.show_latest();
        }
        sending::pump(self.state, self.room_id);
    }

    fn ask_to_delete_message(self, id: MessageId) {
        let Self { state, room_id, .. } = self;
        let on_confirm = Arc::new(move || {
            spawn_local(async move {
                match client::messages::delete(room_id, id).await {
                    Ok(()) => {
                        if let Some(now) = browser::timestamp() {
                            state.with_timeline(room_id, |timeline| timeline.mark_deleted(id, now));
                        }
                    }
                    Err(error) => state.toast(Tone::Error, error.sentence(), browser::now()),
                }
            });
        });
        self.overlays.question.set(Some(Question {
            title: "Delete this message?".to_owned(),
            text: "This deletes it for everyone. A placeholder stays.",
            action: "Delete",
            on_confirm,
        }));
    }

    /// Asks whether to delete the room, and says how many messages would be deleted with it.
    pub fn ask_to_delete_room(self) {
        let Self { state, live, overlays, room_id, .. } = self;
        let Some(room) = state.rooms.with_untracked(|rooms| rooms.get(room_id).cloned()) else { return };
        let name = room.name.as_str().to_owned();
        let messages = match room.last_seq.0 {
            0 => String::new(),
            1 => " and its 1 message".to_owned(),
            many => format!(" and its {many} messages"),
        };
        let title = format!("Delete {name}{messages}?");
        let on_confirm = Arc::new(move || {
            let name = name.clone();
            spawn_local(async move {
                match client::rooms::delete(room_id).await {
                    Ok(()) => {
                        // The event may have arrived before.
                        if state.rooms.with_untracked(|rooms| rooms.get(room_id).is_some()) {
                            state.remove_room(room_id, name.clone());
                            live.room_gone(room_id, &name);
                        }
                    }
                    Err(error) => state.toast(Tone::Error, error.sentence(), browser::now()),
                }
            });
        });
        let text = "This closes the room for everyone in it. It cannot be undone.";
        overlays.question.set(Some(Question { title, text, action: "Delete room", on_confirm }));
    }
}
