//! The editor in the place of a message's text and files.

use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html::Textarea;
use leptos::prelude::*;
use shared::files::Attachment;
use shared::messages::{MessageText, UpdateMessage};
use shared::users::UserKind;

use crate::components::field_error::FieldError;
use crate::components::keys;
use crate::components::submit_button::SubmitButton;
use crate::parts::{Part, Parts};
use crate::state::files::claims;
use crate::state::shortcuts::{Command, Place};

/// Edits a text, and takes files away. Enter saves, Escape cancels.
#[component]
pub fn MessageEditor(
    /// The text before the edit.
    initial: String,
    /// The files before the edit.
    files: Vec<Attachment>,
    /// The author's kind, which decides how long the text may be.
    kind: UserKind,
    /// What is wrong with the text, by the rules or by the server. Typing clears it.
    error: RwSignal<Option<String>>,
    /// Whether the request is in flight.
    busy: RwSignal<bool>,
    /// Called with what changes.
    on_save: Callback<UpdateMessage>,
    /// Called to cancel the edit.
    on_cancel: Callback<()>,
    /// Draws the files.
    parts: Parts,
) -> impl IntoView {
    let text = RwSignal::new(initial.clone());
    let initial = StoredValue::new(initial);
    let count = files.len();
    let kept = RwSignal::new(files);
    let field = NodeRef::<Textarea>::new();
    field.on_load(focus_at_end);
    let save = move || {
        if busy.get_untracked() {
            return;
        }
        let edited = text.get_untracked();
        let same_files = kept.with_untracked(Vec::len) == count;
        if same_files && initial.with_value(|initial| edited.trim() == initial.trim()) {
            return on_cancel.run(());
        }
        let parse = match kept.with_untracked(Vec::is_empty) {
            true => MessageText::parse,
            false => MessageText::parse_beside_files,
        };
        match parse(&edited, kind) {
            Ok(text) => {
                let attachments = (!same_files).then(|| kept.with_untracked(|kept| claims(kept)));
                on_save.run(UpdateMessage { text: Some(text), attachments });
            }
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
            {(count > 0).then(|| parts.draw(Part::EditorFiles(kept)))}
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
