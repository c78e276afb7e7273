//! Asks for a name where something other than a message needs one.

use leptos::prelude::*;
use shared::users::Username;

use crate::browser::{self, keys};
use crate::components::modal::Modal;
use crate::components::room_form::field_error;
use crate::dom::{El, button, el};

/// One field for a guest's name.
#[derive(Clone, Copy)]
pub struct NameDialog {
    /// Whether it is open.
    pub open: RwSignal<bool>,
    /// Whether the server is being asked.
    pub busy: RwSignal<bool>,
    /// What is wrong with the name, by the rules or by the server.
    pub error: RwSignal<Option<String>>,
    /// A valid name.
    pub on_submit: Callback<Username>,
}

impl NameDialog {
    /// Draws it.
    pub fn view(self) -> El {
        Modal { open: self.open, label: Signal::stored("Your name".to_owned()), class: "narrow" }
            .view(move || vec![self.form()])
    }

    fn form(self) -> El {
        let Self { open, busy, error, on_submit } = self;
        let name = RwSignal::new(browser::load(keys::NAME).unwrap_or_default());
        let submit = move || match Username::parse_guest(&name.get_untracked()) {
            Ok(name) if !busy.get_untracked() => on_submit.run(name),
            Ok(_) => {}
            Err(invalid) => error.set(Some(invalid.detail)),
        };
        let field = el("input")
            .attr("id", "guest-name")
            .class("input")
            .attr("type", "text")
            .attr("autocomplete", "nickname")
            .attr("autofocus", "")
            .attr("placeholder", "4 to 20 characters")
            .attr("aria-describedby", "guest-name-error")
            .live_flag("aria-invalid", move || error.with(Option::is_some))
            .value(name)
            .on_input(move |text| {
                name.set(text);
                error.set(None);
            });
        let confirm = el("button")
            .attr("type", "submit")
            .class("button primary")
            .live_flag("aria-busy", move || busy.get())
            .live_text(move || if busy.get() { "Working…" } else { "Continue" });
        let cancel = button("button").text("Cancel").on_click(move || open.set(false));
        el("form")
            .attr("novalidate", "")
            .on_submit(submit)
            .child(el("h2").child(el("label").attr("for", "guest-name").text("What should we call you?")))
            .child(field)
            .child(field_error("guest-name-error", move || error.get()))
            .child(el("div").class("dialog-actions").child(cancel).child(confirm))
    }
}
