//! Asks before something is gone for good.

use std::sync::Arc;

use leptos::prelude::*;

use crate::components::modal::Modal;
use crate::shapes::{act, derived, effect};

/// What is asked.
#[derive(Clone)]
pub struct Question {
    /// Names what goes.
    pub title: String,
    /// What that means.
    pub text: String,
    /// The word on the button that does it.
    pub action: &'static str,
    /// Does it. No `Callback`: that would end with whatever asked, and a menu may be gone before the answer comes.
    pub on_confirm: Arc<dyn Fn() + Send + Sync>,
}

/// The question, while there is one.
#[component]
pub fn ConfirmDialog(
    /// The question; none closes the dialog.
    question: RwSignal<Option<Question>>,
) -> impl IntoView {
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
    let title = derived(move || {
        question.with(|question| question.as_ref().map(|question| question.title.clone()).unwrap_or_default())
    });
    let content = move || {
        question.get().map(|question| {
            let on_confirm = question.on_confirm.clone();
            view! {
                <h2 dir="auto">{question.title}</h2>
                <p>{question.text}</p>
                <div class="dialog-actions">
                    <button type="button" class="button" on:click=act(move || open.set(false))>"Cancel"</button>
                    <button
                        type="button"
                        class="button danger"
                        on:click=act(move || {
                            open.set(false);
                            on_confirm();
                        })
                    >
                        {question.action}
                    </button>
                </div>
            }
        })
    };
    view! { <Modal open label=title class="narrow">{content}</Modal> }
}
