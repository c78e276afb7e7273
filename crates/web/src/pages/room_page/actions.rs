//! The user's actions on messages and on the room.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::files::Attachment;
use shared::ids::{MessageId, UserId};
use shared::messages::{MessageText, UpdateMessage};
use shared::replies::ReplyTo;

use crate::boxed::effect;
use crate::browser;
use crate::client;
use crate::components::message_actions::MessageActions;
use crate::components::message_list::target::ScrollTarget;
use crate::pages::room_page::context::RoomContext;
use crate::sending;
use crate::state::outbox::Words;
use crate::state::toasts::Tone;

impl RoomContext {
    /// The actions of the list's buttons.
    pub fn actions(self) -> MessageActions {
        let Self { state, room_id, editing, .. } = self;
        let edit_error = RwSignal::new(None);
        let edit_busy = RwSignal::new(false);
        // Counts the editors that were opened and closed: an answer belongs to the editor that asked.
        let editor = StoredValue::new(0_u32);
        effect(move || {
            editing.track();
            editor.update_value(|number| *number += 1);
            edit_error.set(None);
            edit_busy.set(false);
        });
        let stop_editing = move || {
            editing.set(None);
            let field = self.field();
            request_animation_frame(move || browser::focus(field));
        };
        let on_save = move |(id, edit): (MessageId, UpdateMessage)| {
            let asking = editor.get_value();
            edit_busy.set(true);
            spawn_local(async move {
                let outcome = client::messages::update(room_id, id, &edit).await;
                let is_open = editor.try_get_value() == Some(asking);
                match outcome {
                    Ok(answer) => {
                        state.apply_answer(answer);
                        if is_open {
                            stop_editing();
                        }
                    }
                    Err(error) if is_open => {
                        edit_error.set(Some(error.sentence()));
                        edit_busy.set(false);
                    }
                    // The editor is closed by now, and the message shows its old text.
                    Err(error) => {
                        let text = format!("A change was not saved. {}", error.sentence());
                        state.toast(Tone::Error, text, browser::now());
                    }
                }
            });
        };
        MessageActions {
            editing,
            editor_field: if self.thread.is_some() { "#thread-editor" } else { "#editor" },
            edit_error,
            edit_busy,
            on_save: Callback::new(on_save),
            on_cancel_edit: Callback::new(move |()| stop_editing()),
            on_retry: Callback::new(move |id| {
                state.outbox.update(|outbox| outbox.retry(id));
                sending::pump(state);
            }),
            on_discard: Callback::new(move |id| {
                state.outbox.update(|outbox| {
                    outbox.remove(id);
                });
            }),
            parts: self.parts,
        }
    }

    /// Shows a message as pending and sends it.
    pub fn send(self, text: &MessageText, files: Vec<Attachment>, mentions: Vec<UserId>) {
        let Some(now) = browser::timestamp() else { return };
        self.live.stop_typing();
        self.state.held.set(None);
        // In a thread, what answers no other message answers the first one.
        let reply_to = self.replying.try_update(Option::take).flatten();
        let reply_to = reply_to.or(self.thread.map(|root_id| ReplyTo { id: root_id, root_id }));
        let text = text.as_str().to_owned();
        let words = Words { text, attachments: files, reply_to, mentions };
        sending::push(self.state, self.room_id, words, now);
        if self.thread.is_some() {
            // The panel may be gone.
            self.target.try_set(Some(ScrollTarget::Newest));
            return;
        }
        // The page may be gone when the name is given.
        let Some(is_loading) = self.loading.try_get_untracked() else { return };
        if self.state.with_timeline(self.room_id, |timeline| timeline.is_at_newest()) == Some(true) {
            self.target.set(Some(ScrollTarget::Newest));
        } else if !is_loading || self.navigation.here().message().is_some() {
            self.show_latest();
        }
    }
}
