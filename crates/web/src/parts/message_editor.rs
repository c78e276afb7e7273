//! The editor in the place of a message's text and files.

use std::sync::Arc;

use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html::{Form, Textarea};
use leptos::prelude::*;
use shared::files::{AltText, Attachment};
use shared::ids::AttachmentId;
use shared::messages::{MessageText, UpdateMessage};
use wasm_bindgen::JsCast;
use web_sys::{HtmlButtonElement, ScrollIntoViewOptions, ScrollLogicalPosition};

use crate::components::confirm_dialog::Question;
use crate::components::field_error::FieldError;
use crate::components::icon::Icon;
use crate::components::keyed_list::KeyedList;
use crate::components::keys;
use crate::components::submit_button::SubmitButton;
use crate::overlays::Overlays;
use crate::parts::composer_tools::ComposerTools;
use crate::parts::file_name::file_name;
use crate::parts::{Editing, Tools};
use crate::state::State;
use crate::state::composing::{mentioned, mentions_everyone};
use crate::state::excerpts::blocks;
use crate::state::files::{FileKind, kept_claims, preview_url};
use crate::state::rows::MessageRow;
use crate::state::shortcuts::{Command, Place};

/// Edits a text, says anew what images show, and takes files away. Enter saves, Escape cancels.
#[component]
pub fn MessageEditor(
    /// The message.
    row: RwSignal<MessageRow>,
    /// The edit.
    editing: Editing,
) -> impl IntoView {
    let Editing { field: selector, error, busy, on_save, on_cancel } = editing;
    let message = row.with_untracked(|row| row.message.clone());
    let (id, kind) = (message.id, message.author.kind);
    let (state, overlays) = (expect_context::<State>(), expect_context::<Overlays>());
    let text = RwSignal::new(message.text.clone().unwrap_or_default());
    let kept = RwSignal::new(message.attachments.clone());
    let has_files = !message.attachments.is_empty();
    let tools = Tools::new(message.room_id, selector, text);
    // Among namesakes, an edit means whom the message means.
    tools.named.set_value(mentioned(blocks(&message).unwrap_or_default()));
    let before = StoredValue::new(message);
    let (form, field) = (NodeRef::<Form>::new(), NodeRef::<Textarea>::new());
    field.on_load(move |field| focus_at_end(field, form));
    let save = move || {
        if busy.get_untracked() {
            return;
        }
        let edited = text.get_untracked();
        let same_files = before.with_value(|before| kept.with_untracked(|kept| *kept == before.attachments));
        let same_text =
            before.with_value(|before| before.text.as_deref().unwrap_or_default().trim() == edited.trim());
        if same_files && same_text {
            return on_cancel.run(());
        }
        let parse = match kept.with_untracked(Vec::is_empty) {
            true => MessageText::parse,
            false => MessageText::parse_beside_files,
        };
        match parse(&edited, kind) {
            Ok(text) => {
                let attachments = (!same_files).then(|| kept.with_untracked(|kept| kept_claims(kept)));
                let mentions = tools.mentions(text.as_str());
                let question = tools.question(state, text.as_str());
                let called =
                    before.with_value(|before| before.text.as_deref().is_some_and(mentions_everyone));
                let edit = UpdateMessage { text: Some(text), attachments, mentions };
                match question.filter(|_| !called) {
                    Some(question) => {
                        // The editor may be gone before the answer.
                        let on_confirm = Arc::new(move || {
                            on_save.try_run((id, edit.clone()));
                        });
                        overlays.question.set(Some(Question { action: "Save", on_confirm, ..question }));
                    }
                    None => on_save.run((id, edit)),
                }
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
            // The buttons have their own meaning.
            Some(Command::Save) if !is_button(&event) => save(),
            _ => return,
        }
        event.prevent_default();
        // Escape closes nothing else.
        event.stop_propagation();
    };
    view! {
        <form node_ref=form class="editor" on:submit=on_submit on:keydown=on_keydown>
            <textarea
                node_ref=field
                id=selector.trim_start_matches('#')
                class="input"
                rows="1"
                dir="auto"
                enterkeyhint="done"
                aria-label="Edit message"
                aria-describedby="editor-error"
                aria-invalid=move || error.with(Option::is_some).to_string()
                bind:value=text
                on:keydown=move |event| {
                    tools.take_key(&event);
                }
                on:input=move |_| error.set(None)
            ></textarea>
            {has_files.then(|| view! { <EditorFiles kept=kept error=error /> })}
            <div class="editor-row">
                <ComposerTools tools=tools />
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

fn is_button(event: &KeyboardEvent) -> bool {
    event.target().is_some_and(|target| target.dyn_ref::<HtmlButtonElement>().is_some())
}

/// Leptos sets the field's value in a microtask. This one comes after it.
fn focus_at_end(field: web_sys::HtmlTextAreaElement, form: NodeRef<Form>) {
    queue_microtask(move || {
        let end = u32::try_from(field.value().encode_utf16().count()).unwrap_or(0);
        // Both only fail for elements without text.
        let _ = field.focus();
        let _ = field.set_selection_range(end, end);
        // The focus scrolls no further than to the field.
        request_animation_frame(move || {
            if let Some(form) = form.try_get_untracked().flatten() {
                let options = ScrollIntoViewOptions::new();
                options.set_block(ScrollLogicalPosition::Nearest);
                form.scroll_into_view_with_scroll_into_view_options(&options);
            }
        });
    });
}

/// The files that stay, each with a button that takes it away. Of images, the user can say what they show.
#[component]
fn EditorFiles(kept: RwSignal<Vec<Attachment>>, error: RwSignal<Option<String>>) -> impl IntoView {
    let keys = move || kept.with(|kept| kept.iter().map(|file| file.id.0.as_u128()).collect::<Vec<_>>());
    let draw = move |key| {
        let file = kept.with_untracked(|kept| kept.iter().find(|file| file.id.0.as_u128() == key).cloned());
        file.map(|file| view! { <EditorFile file=file kept=kept error=error /> }).into_any()
    };
    view! {
        <ul class="editor-files" aria-label="Files">
            <KeyedList keys=Signal::derive(keys) draw=draw />
        </ul>
    }
}

#[component]
fn EditorFile(
    file: Attachment,
    kept: RwSignal<Vec<Attachment>>,
    error: RwSignal<Option<String>>,
) -> impl IntoView {
    let is_image = FileKind::of(&file) == FileKind::Image;
    let picture = match is_image {
        true => view! { <img class="draft-file-picture" src=preview_url(&file, false).to_owned() alt="" /> }
            .into_any(),
        false => view! { <Icon name="file" /> }.into_any(),
    };
    let Attachment { id, filename, alt, .. } = file;
    let words = alt.map(|alt| alt.as_str().to_owned()).unwrap_or_default();
    let label = format!("Description of {filename}");
    let field = is_image.then(|| {
        view! {
            <input
                class="input"
                type="text"
                maxlength=AltText::LENGTH.max.to_string()
                placeholder="Describe the image (optional)"
                aria-label=label
                value=words
                on:input=move |event| describe(kept, error, id, &event_target_value(&event))
            />
        }
    });
    view! {
        <li>
            {picture}
            <div class="draft-file-words">
                {file_name(&filename)}
                {field}
            </div>
            <button
                type="button"
                class="button small"
                aria-label=format!("Remove {filename}")
                on:click=move |_| kept.update(|kept| kept.retain(|file| file.id != id))
            >
                "Remove"
            </button>
        </li>
    }
}

fn describe(kept: RwSignal<Vec<Attachment>>, error: RwSignal<Option<String>>, id: AttachmentId, words: &str) {
    match AltText::parse(words) {
        Ok(alt) => {
            error.set(None);
            kept.update(|kept| {
                if let Some(file) = kept.iter_mut().find(|file| file.id == id) {
                    file.alt = alt;
                }
            });
        }
        Err(invalid) => error.set(Some(invalid.detail)),
    }
}
