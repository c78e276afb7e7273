//! One field for a room's name, checked while one types.

use leptos::prelude::*;
use shared::rooms::RoomName;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::dom::{El, button, el};
use crate::reactive::{Debounce, effect};

/// Creates a room, or renames one.
pub struct RoomForm {
    /// The field's id.
    pub id: &'static str,
    /// The label of the field.
    pub label: &'static str,
    /// The word on the button.
    pub action: &'static str,
    /// The name to begin with.
    pub initial: String,
    /// Whether the server is being asked.
    pub busy: RwSignal<bool>,
    /// What is wrong with the name, by the rules or by the server. Typing clears it.
    pub error: RwSignal<Option<String>>,
    /// Grows when the name was taken and the field is to be emptied.
    pub done: RwSignal<u32>,
    /// A valid name.
    pub on_submit: Callback<RoomName>,
    /// Gives up; without it there is no such button.
    pub on_cancel: Option<Callback<()>>,
}

impl RoomForm {
    /// Draws it.
    pub fn view(self) -> El {
        let Self { id, label, action, initial, busy, error, done, on_submit, on_cancel } = self;
        let name = RwSignal::new(initial);
        let debounce = Debounce::idle();
        let check =
            move || error.set(RoomName::parse(&name.get_untracked()).err().map(|invalid| invalid.detail));
        let on_input = move |text| {
            name.set(text);
            error.set(None);
            debounce.start(check);
        };
        effect(move || {
            if done.get() > 0 {
                name.set(String::new());
            }
        });
        let error_id = format!("{id}-error");
        let field = el("input")
            .attr("id", id)
            .class("input")
            .attr("type", "text")
            .attr("autocomplete", "off")
            .attr("aria-describedby", &error_id)
            .live_flag("aria-invalid", move || error.with(Option::is_some))
            .value(name)
            .on_input(on_input);
        let field_node: HtmlElement = field.cast();
        let submit = move || {
            debounce.stop();
            check();
            match RoomName::parse(&name.get_untracked()) {
                Ok(name) if !busy.get_untracked() => on_submit.run(name),
                // Focusing what is there cannot fail.
                _ => drop(field_node.focus()),
            }
        };
        let confirm = el("button")
            .attr("type", "submit")
            .class("button primary")
            .live_flag("aria-busy", move || busy.get())
            .live_text(move || if busy.get() { "Working…" } else { action });
        let cancel =
            on_cancel.map(|on_cancel| button("button").text("Cancel").on_click(move || on_cancel.run(())));
        el("form")
            .class("room-form")
            .attr("novalidate", "")
            .on_submit(submit)
            .on("keydown", move |event: KeyboardEvent| {
                if event.key() == "Escape"
                    && let Some(on_cancel) = on_cancel
                {
                    event.stop_propagation();
                    on_cancel.run(());
                }
            })
            .child(el("label").attr("for", id).text(label))
            .child(el("div").class("room-form-row").child(field).child(confirm).children(cancel))
            .child(field_error(&error_id, move || error.get()))
    }
}

/// The line under a field that says what is wrong with it.
pub fn field_error(id: &str, error: impl Fn() -> Option<String> + 'static) -> El {
    let line = el("p").class("field-error").attr("id", id).attr("role", "alert");
    line.live_text(move || error().unwrap_or_default())
}
