//! The buttons for one message, and what they do.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::{MessageId, Seq};
use shared::members::Operation;
use shared::replies::ReplyTo;
use shared::rooms::Room;
use shared::timestamp::Timestamp;

use crate::boxed::memo;
use crate::browser::{self, TimeStyle, time_text};
use crate::client;
use crate::components::confirm_dialog::Question;
use crate::components::icon_button::IconButton;
use crate::overlays::EmojiFor;
use crate::pages::room_page::context::RoomContext;
use crate::pages::room_page::thread::OpenThread;
use crate::route::Route;
use crate::state::rows::MessageRow;
use crate::state::toasts::Tone;

/// A button: its label, its icon, and what it does.
type Button = (&'static str, &'static str, fn(RoomContext, MessageId, Option<OpenThread>));

/// What the user may do with the message.
#[component]
pub fn MessageToolbar(
    /// The message as it is now.
    row: RwSignal<MessageRow>,
) -> impl IntoView {
    let room = expect_context::<RoomContext>();
    let thread = use_context::<OpenThread>();
    let id = row.with_untracked(|row| row.message.id);
    let buttons = memo(move || row.with(|row| labels(room, row)));
    let draw = move || {
        let button = |(label, icon, act): Button| {
            view! { <IconButton label=label icon=icon on_press=move |()| act(room, id, thread) /> }.into_any()
        };
        let labels = buttons.get();
        BUTTONS.iter().filter(|it| labels.contains(&it.0)).copied().map(button).collect_view()
    };
    view! {
        <div class="toolbar" role="group" aria-label="Message actions">
            <span class="toolbar-time">{move || row.with(times)}</span>
            {move || draw()}
        </div>
    }
}

const BUTTONS: &[Button] = &[
    ("Add reaction", "smile", |room, id, _| room.overlays.pick_emoji(EmojiFor::Reaction(room.room_id, id))),
    ("Reply", "reply", reply),
    ("Mark unread", "unread", |room, id, _| mark_unread(room, id)),
    ("Pin message", "pin", |room, id, _| pin(room, id, true)),
    ("Unpin message", "pin", |room, id, _| pin(room, id, false)),
    ("Copy link", "link", |room, id, _| copy_link(room, id)),
    ("Edit message", "pencil", |room, id, _| room.editing.set(Some(id))),
    ("Delete message", "bin", |room, id, _| ask_to_delete(room, id)),
];

/// The labels of what the user may do now, tracked.
fn labels(room: RoomContext, row: &MessageRow) -> Vec<&'static str> {
    let is_member = |room: &Room| room.viewer.as_ref().is_some_and(|viewer| viewer.role.is_some());
    let is_member = room.state.room(room.room_id, is_member).unwrap_or(false);
    let is_author = room.me() == Some(row.message.author.id);
    let (may_pin, is_pinned) = (room.may(Operation::Pin), row.message.pinned_at.is_some());
    let may_delete = is_author && room.may(Operation::DeleteMessage) || room.may(Operation::DeleteAnyMessage);
    let all = [
        ("Add reaction", room.may(Operation::React)),
        ("Reply", room.may(Operation::Send)),
        ("Mark unread", is_member && room.thread.is_none()),
        ("Pin message", may_pin && !is_pinned),
        ("Unpin message", may_pin && is_pinned),
        ("Copy link", true),
        ("Edit message", is_author && room.may(Operation::EditMessage)),
        ("Delete message", may_delete),
    ];
    all.into_iter().filter(|(_, may)| *may).map(|(label, _)| label).collect()
}

/// When the message was written and edited, for users without a pointer that shows titles.
fn times(row: &MessageRow) -> String {
    let full = |time: Timestamp| time_text(time.unix_millis(), TimeStyle::Full);
    let edited = row.message.edited_at.map(|edited_at| format!(", edited {}", full(edited_at)));
    format!("{}{}", full(row.message.created_at), edited.unwrap_or_default())
}

/// Answers a message: with the next message of the room, or in the open thread.
fn reply(room: RoomContext, id: MessageId, thread: Option<OpenThread>) {
    let RoomContext { state, room_id, .. } = room;
    let in_thread = thread.and_then(|OpenThread(thread)| {
        thread.with_untracked(|thread| thread.messages().iter().find(|message| message.id == id).cloned())
    });
    let mut reply_to = None;
    state.change_timeline(room_id, |timeline| {
        if let Some(message) = timeline.get(id).cloned().or(in_thread) {
            timeline.references.quote_message(&message);
            let root_id = message.reply_to.map_or(id, |reply| reply.root_id);
            reply_to = Some(ReplyTo { id, root_id });
        }
    });
    room.replying.set(reply_to);
    let field = room.field();
    request_animation_frame(move || browser::focus(field));
}

/// Marks a message and all after it as unread.
fn mark_unread(room: RoomContext, id: MessageId) {
    let RoomContext { state, live, room_id, new_after, .. } = room;
    let message = state.timelines.with_value(|it| it.get(room_id)?.get(id).map(|message| message.seq));
    if let Some(seq) = message {
        live.mark_unread(room_id, seq);
        new_after.set(Some(Seq(seq.0 - 1)));
    }
}

fn pin(room: RoomContext, id: MessageId, is_pinned: bool) {
    let RoomContext { state, room_id, .. } = room;
    spawn_local(async move {
        match client::pins::put(room_id, id, is_pinned).await {
            Ok(answer) => state.apply_answer(answer),
            Err(error) => state.toast(Tone::Error, error.sentence(), browser::now()),
        }
    });
}

fn copy_link(room: RoomContext, id: MessageId) {
    let origin = window().location().origin().unwrap_or_default();
    let link = format!("{origin}{}", Route::Message(room.room_id, id).path());
    spawn_local(async move {
        if browser::copy(&link).await {
            room.state.toast(Tone::Notice, "The link is copied.", browser::now());
        } else {
            // The browser's own dialog, in which the link is selected.
            let _ = window().prompt_with_message_and_default("Copy this link:", &link);
        }
    });
}

fn ask_to_delete(room: RoomContext, id: MessageId) {
    let RoomContext { state, room_id, .. } = room;
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
    room.overlays.question.set(Some(Question {
        title: "Delete this message?".to_owned(),
        text: "This deletes it for everyone. A placeholder stays.",
        action: "Delete",
        on_confirm,
    }));
}
