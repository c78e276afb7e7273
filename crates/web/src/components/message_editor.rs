//! A message's text, being changed in its place.

use leptos::prelude::*;
use shared::messages::MessageText;
use shared::users::UserKind;
use web_sys::{HtmlTextAreaElement, KeyboardEvent};

use crate::components::room_form::field_error;
use crate::dom::{El, button, el};

/// The text in a field. Enter saves, Escape cancels.
pub struct MessageEditor {
    /// The text as it is.
    pub initial: String,
    /// What its author is; it decides how long it may be.
    pub kind: UserKind,
    /// What is wrong with the change, by the rules or by the server.
    pub error: RwSignal<Option<String>>,
    /// Whether the server is being asked.
    pub busy: RwSignal<bool>,
    /// A valid new text.
    pub on_save: Callback<MessageText>,
    /// Gives up.
    pub on_cancel: Callback<()>,
}

impl MessageEditor {
    /// Draws it.
    pub fn view(self) -> El {
        let Self { initial, kind, error, busy, on_save, on_cancel } = self;
        let text = RwSignal::new(initial.clone());
        let save = move || {
            if busy.get_untracked() {
                return;
            }
            let now = text.get_untracked();
            if now.trim() == initial.trim() {
                return on_cancel.run(());
            }
            match MessageText::parse(&now, kind) {
                Ok(text) => on_save.run(text),
                Err(invalid) => error.set(Some(invalid.detail)),
            }
        };
        let save_by_key = save.clone();
        let on_keydown = move |event: KeyboardEvent| {
            // The list around it moves by arrow keys.
            event.stop_propagation();
            if event.is_composing() {
                return;
            }
            match event.key().as_str() {
                "Escape" => on_cancel.run(()),
                "Enter" if !event.shift_key() => {
                    event.prevent_default();
                    save_by_key();
                }
                _ => {}
            }
        };
        let field = el("textarea")
            .class("input")
            .attr("rows", "1")
            .attr("dir", "auto")
            .attr("aria-label", "Edit message")
            .attr("aria-describedby", "editor-error")
            .live_flag("aria-invalid", move || error.with(Option::is_some))
            .value(text)
            .on_input(move |words| {
                text.set(words);
                error.set(None);
            })
            .on("keydown", on_keydown);
        focus_at_end(field.cast());
        let cancel = button("button small").text("Cancel").on_click(move || on_cancel.run(()));
        let confirm = el("button")
            .attr("type", "submit")
            .class("button small primary")
            .live_flag("aria-busy", move || busy.get())
            .live_text(move || if busy.get() { "Saving…" } else { "Save" });
        let hint = el("span").class("hint").text("Enter to save, Escape to cancel");
        el("form")
            .class("editor")
            .on_submit(save)
            .child(field)
            .child(el("div").class("editor-row").children([hint, cancel, confirm]))
            .child(field_error("editor-error", move || error.get()))
    }
}

/// As soon as it is in the page.
fn focus_at_end(field: HtmlTextAreaElement) {
    queue_microtask(move || {
        let end = u32::try_from(field.value().encode_utf16().count()).unwrap_or(0);
        // Both only fail for elements that hold no text.
        let _ = field.focus();
        let _ = field.set_selection_range(end, end);
    });
}
