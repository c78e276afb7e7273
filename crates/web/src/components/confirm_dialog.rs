//! Asks before something is gone for good.

use std::sync::Arc;

use leptos::prelude::*;

use crate::components::modal::Modal;
use crate::dom::{El, button, el};
use crate::reactive::{derived, effect};

/// What is asked.
#[derive(Clone)]
pub struct Question {
    /// Names what goes.
    pub title: String,
    /// What that means.
    pub text: &'static str,
    /// The word on the button that does it.
    pub action: &'static str,
    /// Does it. No `Callback`: that would end with whatever asked, and a menu may be gone before the answer comes.
    pub on_confirm: Arc<dyn Fn() + Send + Sync>,
}

/// The dialog with the question, while there is one.
pub fn confirm_dialog(question: RwSignal<Option<Question>>) -> El {
    let open = RwSignal::new(false);
    effect(move || {
        let asked = question.with(Option::is_some);
        if open.get_untracked() != asked {
            open.set(asked);
        }
    });
    effect(move || {
        if !open.get() && question.with_untracked(Option::is_some) {
            question.set(None);
        }
    });
    let title = move || question.with(|question| question.as_ref().map(|question| question.title.clone()));
    let label = derived(move || title().unwrap_or_default());
    Modal { open, label, class: "narrow" }.view(move || {
        let Some(Question { title, text, action, on_confirm }) = question.get_untracked() else {
            return Vec::new();
        };
        let confirm = move || {
            open.set(false);
            on_confirm();
        };
        let buttons = el("div")
            .class("dialog-actions")
            .child(button("button").text("Cancel").on_click(move || open.set(false)))
            .child(button("button danger").text(action).on_click(confirm));
        vec![el("h2").attr("dir", "auto").text(&title), el("p").text(text), buttons]
    })
}
