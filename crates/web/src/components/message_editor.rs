//! The editor in the place of a message's text.

use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html::Textarea;
use leptos::prelude::*;
use shared::messages::MessageText;
use shared::users::UserKind;

use crate::components::field_error::FieldError;
use crate::components::keys;
use crate::components::submit_button::SubmitButton;
use crate::state::shortcuts::{Command, Place};

/// Edits a text. Enter saves, Escape cancels.
#[component]
pub fn MessageEditor(
    /// The text before the edit.
    initial: String,
    /// The author's kind, which decides how long the text may be.
    kind: UserKind,
    /// What is wrong with the text, by the rules or by the server. Typing clears it.
    error: RwSignal<Option<String>>,
    /// Whether the request is in flight.
    busy: RwSignal<bool>,
    /// Called with a valid new text.
    on_save: Callback<MessageText>,
    /// Called to cancel the edit.
    on_cancel: Callback<()>,
) -> impl IntoView {
    let text = RwSignal::new(initial.clone());
    let initial = StoredValue::new(initial);
    let field = NodeRef::<Textarea>::new();
    field.on_load(focus_at_end);
    let save = move || {
        if busy.get_untracked() {
            return;
        }
        let edited = text.get_untracked();
        if initial.with_value(|initial| edited.trim() == initial.trim()) {
            return on_cancel.run(());
        }
        match MessageText::parse(&edited, kind) {
            Ok(text) => on_save.run(text),
            Err(invalid) => error.set(Some(invalid.detail)),
        }
    };
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        save();
    };
    let on_keydown = move |event: KeyboardEvent| {
        match keys::command(Place::Editor, &event) {
            Some(Command::Cancel) => on_cancel.run(()),
            Some(Command::Save) => save(),
            _ => return,
        }
        event.prevent_default();
        // Escape closes nothing else.
        event.stop_propagation();
    };
    view! {
        <form class="editor" on:submit=on_submit>
            <textarea
                node_ref=field
                class="input"
                rows="1"
                dir="auto"
                enterkeyhint="done"
                aria-label="Edit message"
                aria-describedby="editor-error"
                aria-invalid=move || error.with(Option::is_some).to_string()
                bind:value=text
                on:input=move |_| error.set(None)
                on:keydown=on_keydown
            ></textarea>
            <div class="editor-row">
                <span class="hint">"Enter to save, Escape to cancel"</span>
                <button type="button" class="button small" on:click=move |_| on_cancel.run(())>
                    "Cancel"
                </button>
                <SubmitButton label="Save" busy_label="Saving…" class="button small primary" busy=busy />
            </div>
            <FieldError id="editor-error" error=error />
        </form>
    }
}

/// Leptos sets the field's value in a microtask. This one comes after it.
fn focus_at_end(field: web_sys::HtmlTextAreaElement) {
    queue_microtask(move || {
        let end = u32::try_from(field.value().encode_utf16().count()).unwrap_or(0);
        // Both only fail for elements without text.
        let _ = field.focus();
        let _ = field.set_selection_range(end, end);
    });
}
