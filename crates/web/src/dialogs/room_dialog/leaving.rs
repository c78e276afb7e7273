//! Leaving a room, and deleting it.

use std::sync::Arc;

use leptos::prelude::*;
use shared::members::{Operation, RemovalReason};
use shared::rooms::Visibility;

use super::context::{Dialog, or_gone};
use crate::browser;
use crate::client;
use crate::components::confirm_dialog::Question;
use crate::state::Followup;
use crate::state::form_errors::WHOLE;
use crate::state::toasts::Tone;
use crate::submission::Submission;

/// The buttons to leave and to delete the room, each with what it means.
#[component]
pub fn Leaving(dialog: Dialog) -> impl IntoView {
    let Dialog { state, overlays, room_id, .. } = dialog;
    let submission = Submission::default();
    let is_private = state.rooms.with_untracked(|rooms| {
        rooms.get(room_id).is_some_and(|room| room.visibility == Visibility::Private)
    });
    let is_member = move || {
        let role = |room: &shared::rooms::Room| room.viewer.as_ref().and_then(|viewer| viewer.role);
        state.room(room_id, role).flatten().is_some() && dialog.may(Operation::Leave)
    };
    let leave = move |_| {
        let name = dialog.name();
        submission.send(Box::pin(async move {
            or_gone(client::members::leave(room_id).await)?;
            overlays.room.set(false);
            if !is_private {
                state.toast(Tone::Notice, format!("You left {name}."), browser::now());
            }
            Ok(())
        }));
    };
    let words = match is_private {
        true => "You will no longer see this room. To come back you need an invite.",
        false => "The room leaves your list. You can join it again.",
    };
    view! {
        <div class="setting">
            <Show when=is_member fallback=|| view! { <p>"You are not a member of this room."</p> }>
                <p>{words}</p>
                <button type="button" class="button" on:click=leave>
                    "Leave the room"
                </button>
            </Show>
            <p class="form-error" role="alert">
                {move || submission.errors.with(|errors| errors.get(WHOLE).unwrap_or_default().to_owned())}
            </p>
        </div>
        <Show when=move || dialog.may(Operation::DeleteRoom)>
            <div class="setting last">
                <p>"Deleting it closes the room for everyone and deletes all messages."</p>
                <button type="button" class="button danger" on:click=move |_| ask_to_delete(dialog, submission)>
                    "Delete room…"
                </button>
            </div>
        </Show>
    }
}

/// Asks whether to delete the room, and says how many messages would be deleted with it.
fn ask_to_delete(dialog: Dialog, submission: Submission) {
    let Dialog { state, live, overlays, room_id, .. } = dialog;
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
        submission.send(Box::pin(async move {
            client::rooms::delete(room_id).await?;
            overlays.room.set(false);
            // The event may have arrived before.
            if state.rooms.with_untracked(|rooms| rooms.get(room_id).is_some()) {
                let gone = state.remove_room(room_id, name.clone(), RemovalReason::Deleted);
                if let Followup::Gone { reason, lost, .. } = gone {
                    live.room_gone(room_id, &name, reason, lost);
                }
            }
            Ok(())
        }));
    });
    let text = "This closes the room for everyone in it. It cannot be undone.";
    overlays.question.set(Some(Question { title, text, action: "Delete room", on_confirm }));
}
