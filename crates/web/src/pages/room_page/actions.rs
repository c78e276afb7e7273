//! The user's actions on messages and on the room.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::files::Attachment;
use shared::ids::{MessageId, Seq, UserId};
use shared::members::Role;
use shared::messages::{MessageText, UpdateMessage};
use shared::replies::ReplyTo;

use crate::boxed::effect;
use crate::browser;
use crate::client;
use crate::components::confirm_dialog::Question;
use crate::components::message_actions::{MessageAction, MessageActions};
use crate::components::message_list::target::ScrollTarget;
use crate::overlays::EmojiFor;
use crate::pages::room_page::context::RoomContext;
use crate::route::Route;
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
            edit_error,
            edit_busy,
            on_save: Callback::new(on_save),
            on_cancel_edit: Callback::new(move |()| stop_editing()),
            on_action: Callback::new(move |(id, action)| self.act(id, action)),
            parts: self.parts,
        }
    }

    fn act(self, id: MessageId, action: MessageAction) {
        let Self { state, room_id, .. } = self;
        match action {
            MessageAction::Edit => self.editing.set(Some(id)),
            MessageAction::Delete => self.ask_to_delete_message(id),
            MessageAction::CopyLink => self.copy_link(id),
            MessageAction::Retry => {
                state.outbox.update(|outbox| outbox.retry(id));
                sending::pump(state);
            }
            MessageAction::Discard => state.outbox.update(|outbox| {
                outbox.remove(id);
            }),
            MessageAction::Reply => self.reply(id),
            MessageAction::MarkUnread => self.mark_unread(id),
            MessageAction::Pin(is_pinned) => self.pin(id, is_pinned),
            MessageAction::OpenThread => self.overlays.thread.set(Some(id)),
            MessageAction::ShowAnswered(answered) => self.jump(answered),
            MessageAction::PickReaction => self.overlays.pick_emoji(EmojiFor::Reaction(room_id, id)),
        }
    }

    /// Answers a message: with the next message of the room, or in the open thread.
    fn reply(self, id: MessageId) {
        let Self { state, room_id, .. } = self;
        let in_thread = state.thread.with_untracked(|thread| {
            let messages = thread.as_ref().map_or(&[][..], |thread| thread.messages());
            messages.iter().find(|message| message.id == id).cloned()
        });
        let mut reply_to = None;
        state.change_timeline(room_id, |timeline| {
            if let Some(message) = timeline.get(id).cloned().or(in_thread) {
                timeline.references.quote_message(&message);
                let root_id = message.reply_to.map_or(id, |reply| reply.root_id);
                reply_to = Some(ReplyTo { id, root_id });
            }
        });
        self.replying.set(reply_to);
        let field = self.field();
        request_animation_frame(move || browser::focus(field));
    }

    /// Marks a message and all after it as unread.
    fn mark_unread(self, id: MessageId) {
        let message = self.state.timelines.with_value(|it| it.get(self.room_id)?.get(id).map(|it| it.seq));
        if let Some(seq) = message {
            self.live.mark_unread(self.room_id, seq);
            self.new_after.set(Some(Seq(seq.0 - 1)));
        }
    }

    fn pin(self, id: MessageId, is_pinned: bool) {
        let Self { state, room_id, .. } = self;
        spawn_local(async move {
            match client::pins::put(room_id, id, is_pinned).await {
                Ok(answer) => state.apply_answer(answer),
                Err(error) => state.toast(Tone::Error, error.sentence(), browser::now()),
            }
        });
    }

    /// Shows a message of the room, in its place.
    fn jump(self, id: MessageId) {
        if browser::matches(browser::NARROW) {
            self.overlays.thread.set(None);
        }
        let route = Route::Message(self.room_id, id);
        match self.navigation.here() == route {
            // The route does not change, so nothing else scrolls to it.
            true => self.target.set(Some(ScrollTarget::Message(id))),
            false => self.navigation.go(route),
        }
    }

    fn copy_link(self, id: MessageId) {
        let origin = window().location().origin().unwrap_or_default();
        let link = format!("{origin}{}", Route::Message(self.room_id, id).path());
        spawn_local(async move {
            if browser::copy(&link).await {
                self.state.toast(Tone::Notice, "The link is copied.", browser::now());
            } else {
                // The browser's own dialog, in which the link is selected.
                let _ = window().prompt_with_message_and_default("Copy this link:", &link);
            }
        });
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

    /// What to ask before a text notifies everybody in the room.
    pub fn calls_everyone(self, text: &str) -> Option<Question> {
        if !text.contains("@everyone") {
            return None;
        }
        let members = self.state.rooms.with_untracked(|rooms| {
            let room = rooms.get(self.room_id)?;
            let may = matches!(room.viewer.as_ref()?.role, Some(Role::Owner | Role::Moderator));
            may.then_some(room.member_count)
        });
        Some(Question {
            title: format!("Notify all {} members?", members?),
            text: "Your message mentions everyone in this room.",
            action: "Send",
            on_confirm: Arc::new(|| ()),
        })
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
}
