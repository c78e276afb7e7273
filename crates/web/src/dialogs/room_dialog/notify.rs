//! Which messages of a room notify the user.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::read_marks::Notify;

use super::context::Dialog;
use crate::client;

const LEVELS: [(Notify, &str); 3] = [
    (Notify::All, "All messages"),
    (Notify::Mentions, "Mentions and replies to you"),
    (Notify::None, "None"),
];

/// The choice, which holds at once.
#[component]
pub fn NotifyLevel(dialog: Dialog) -> impl IntoView {
    let note = RwSignal::new(String::new());
    let level = dialog.state.rooms.with_untracked(|rooms| rooms.get(dialog.room_id)?.viewer.as_ref()?.notify);
    let choose = move |level: Notify| {
        spawn_local(async move {
            let words = match client::read_marks::put_notify(dialog.room_id, level).await {
                Ok(_) => "Saved".to_owned(),
                Err(error) => error.sentence(),
            };
            note.try_set(words);
        });
    };
    let choice = |(value, label): (Notify, &'static str)| {
        view! {
            <label class="choice">
                <input
                    type="radio"
                    name="notify"
                    prop:checked=level == Some(value)
                    on:change=move |_| choose(value)
                />
                {label}
            </label>
        }
        .into_any()
    };
    view! {
        <fieldset class="setting">
            <legend>"Notify me of"</legend>
            {LEVELS.map(choice).collect_view()}
        </fieldset>
        <p class="form-hint" role="status">{move || note.get()}</p>
        <p class="form-hint">
            "Unread messages and mentions are counted either way. Whether this browser shows notifications is in your settings."
        </p>
    }
}
