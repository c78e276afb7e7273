//! Asks before something is deleted for good.

use std::sync::Arc;

use leptos::prelude::*;

use crate::boxed::effect;
use crate::components::modal::Modal;

/// A question that is answered by confirming or canceling.
#[derive(Clone)]
pub struct Question {
    /// Names what will be deleted.
    pub title: String,
    /// What that means.
    pub text: &'static str,
    /// The label of the button that confirms.
    pub action: &'static str,
    /// Called on confirmation. Not a `Callback`: that would be disposed with the component that asked, such as a
    /// toolbar that is gone before the answer comes.
    pub on_confirm: Arc<dyn Fn() + Send + Sync>,
}

/// Shows a question while there is one.
#[component]
pub fn ConfirmDialog(
    /// The question. Closing the dialog sets it to `None`.
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
    let label = Signal::derive(move || {
        question.with(|question| question.as_ref().map(|question| question.title.clone()).unwrap_or_default())
    });
    let content = move || {
        question.get_untracked().map(|question| view! { <QuestionContent question=question open=open /> })
    };
    view! {
        <Modal open=open label=label class="narrow">
            {content()}
        </Modal>
    }
}

#[component]
fn QuestionContent(question: Question, open: RwSignal<bool>) -> impl IntoView {
    let Question { title, text, action, on_confirm } = question;
    view! {
        <h2 dir="auto">{title}</h2>
        <p>{text}</p>
        <div class="dialog-actions">
            <button type="button" class="button" on:click=move |_| open.set(false)>
                "Cancel"
            </button>
            <button
                type="button"
                class="button danger"
                on:click=move |_| {
                    open.set(false);
                    on_confirm();
                }
            >
                {action}
            </button>
        </div>
    }
}
