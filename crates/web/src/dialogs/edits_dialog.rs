//! The edit history of a message.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::edits::Edit;
use shared::ids::{MessageId, RoomId};
use shared::members::Operation;

use crate::browser::{self, TimeStyle, time_text};
use crate::client;
use crate::components::confirm_dialog::Question;
use crate::components::modal::Modal;
use crate::overlays::Overlays;
use crate::state::State;
use crate::state::toasts::Tone;

/// The dialog.
#[component]
pub fn EditsDialog() -> impl IntoView {
    let overlays = expect_context::<Overlays>();
    let texts = move || {
        let (room_id, id) = overlays.edited.get_untracked()?;
        Some(view! { <FormerTexts room_id=room_id id=id /> })
    };
    view! {
        <Modal open=overlays.edits label="Edit history" class="edits">
            <h2>"Edit history"</h2>
            {texts()}
            <div class="dialog-actions">
                <button type="button" class="button" on:click=move |_| overlays.edits.set(false)>
                    "Close"
                </button>
            </div>
        </Modal>
    }
}

#[component]
fn FormerTexts(room_id: RoomId, id: MessageId) -> impl IntoView {
    let state = expect_context::<State>();
    let overlays = expect_context::<Overlays>();
    let texts = RwSignal::new(None::<Vec<Edit>>);
    let failure = RwSignal::new(String::new());
    spawn_local(async move {
        match client::pins::list_edits(room_id, id).await {
            Ok(page) => drop(texts.try_set(Some(page.items))),
            Err(error) => drop(failure.try_set(error.sentence())),
        }
    });
    let is_author = state.timelines.with_value(|timelines| {
        let message = timelines.get(room_id).and_then(|timeline| timeline.get(id));
        message.is_some_and(|message| state.me() == Some(message.author.id))
    });
    let may_delete = untrack(|| state.may(room_id, Operation::DeleteAnyMessage)) || is_author;
    let delete = move |_| {
        overlays.edits.set(false);
        let on_confirm = Arc::new(move || {
            spawn_local(async move {
                let (tone, words) = match client::pins::delete_edits(room_id, id).await {
                    Ok(()) => (Tone::Notice, "The edit history was deleted.".to_owned()),
                    Err(error) => (Tone::Error, error.sentence()),
                };
                state.toast(tone, words, browser::now());
            });
        });
        overlays.question.set(Some(Question {
            title: "Delete the edit history?".to_owned(),
            text: "Nobody will be able to read the earlier versions. The message stays as it is now.",
            action: "Delete",
            on_confirm,
        }));
    };
    let text = |edit: &Edit| {
        let time = time_text(edit.at.unix_millis(), TimeStyle::Full);
        view! {
            <li>
                <time>{time}</time>
                <p class="text" dir="auto">{edit.text.clone()}</p>
            </li>
        }
        .into_any()
    };
    let list = move || match texts.get() {
        None => view! { <p role="status">{move || failure.get()}</p> }.into_any(),
        Some(texts) if texts.is_empty() => view! { <p>"There are no earlier versions."</p> }.into_any(),
        Some(texts) => view! {
            <ol class="former-texts">{texts.iter().map(text).collect_view()}</ol>
            {may_delete.then(|| view! {
                <button type="button" class="button small" on:click=delete>"Delete edit history…"</button>
            })}
        }
        .into_any(),
    };
    view! { {move || list()} }
}
