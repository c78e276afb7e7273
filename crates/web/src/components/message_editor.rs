//! A message's text, being changed in its place.

use crate::shapes::{act, handle, text};
use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html;
use leptos::prelude::*;
use shared::messages::MessageText;
use shared::users::UserKind;

/// The text in a field. Enter saves, Escape cancels.
#[component]
pub fn MessageEditor(
    /// The text as it is.
    initial: String,
    /// What its author is; it decides how long it may be.
    kind: UserKind,
    /// What the server had against the change.
    error: RwSignal<Option<String>>,
    /// Whether the server is being asked.
    #[prop(into)]
    busy: Signal<bool>,
    /// A valid new text.
    on_save: Callback<MessageText>,
    /// Gives up.
    on_cancel: Callback<()>,
) -> impl IntoView {
    let words = RwSignal::new(initial.clone());
    let field = NodeRef::<html::Textarea>::new();
    field.on_load(|field| {
        // Both only fail for elements that hold no text.
        let _ = field.focus();
        let end = field.value().encode_utf16().count();
        let _ = field.set_selection_range(u32::try_from(end).unwrap_or(0), u32::try_from(end).unwrap_or(0));
    });
    let save = move || {
        if busy.get_untracked() {
            return;
        }
        let now = words.get_untracked();
        if now.trim() == initial.trim() {
            return on_cancel.run(());
        }
        match MessageText::parse(&now, kind) {
            Ok(text) => on_save.run(text),
            Err(invalid) => error.set(Some(invalid.detail)),
        }
    };
    let save = StoredValue::new(save);
    let save = move || save.with_value(|save| save());
    view! {
        <form
            class="editor"
            on:submit=handle(move |event: SubmitEvent| {
                event.prevent_default();
                save();
            })
        >
            <textarea
                node_ref=field
                class="input"
                rows="1"
                dir="auto"
                aria-label="Edit message"
                aria-describedby="editor-error"
                aria-invalid=text(move || error.with(Option::is_some).to_string())
                prop:value=words
                on:input=handle(move |event| {
                    words.set(event_target_value(&event));
                    error.set(None);
                })
                on:keydown=handle(move |event: KeyboardEvent| {
                    // The list around it moves by arrow keys.
                    event.stop_propagation();
                    if event.is_composing() {
                        return;
                    }
                    match event.key().as_str() {
                        "Escape" => on_cancel.run(()),
                        "Enter" if !event.shift_key() => {
                            event.prevent_default();
                            save();
                        }
                        _ => {}
                    }
                })
            ></textarea>
            <div class="editor-row">
                <span class="hint">"Enter to save, Escape to cancel"</span>
                <button type="button" class="button small" on:click=act(move || on_cancel.run(()))>"Cancel"</button>
                <button type="submit" class="button small primary" aria-busy=text(move || busy.get().to_string())>
                    {text(move || if busy.get() { "Saving…" } else { "Save" })}
                </button>
            </div>
            <p class="field-error" id="editor-error" role="alert">{text(move || error.get().unwrap_or_default())}</p>
        </form>
    }
    .into_any()
}
