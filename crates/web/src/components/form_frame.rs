//! The frame of a form: its fields, what is wrong with it, and the button that submits it.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use crate::components::submit_button::SubmitButton;
use crate::state::form_errors::WHOLE;
use crate::submission::Submission;

/// A form.
#[component]
pub fn FormFrame(
    /// What its button says.
    action: &'static str,
    /// What is said beside the button after success.
    #[prop(default = "Saved")]
    done: &'static str,
    /// The classes of the button.
    #[prop(default = "button")]
    class: &'static str,
    /// The state of the form.
    submission: Submission,
    /// Called to submit it.
    on_submit: Callback<()>,
    /// Called to cancel. Without it there is no "Cancel" button.
    #[prop(default = None)]
    on_cancel: Option<Callback<()>>,
    /// The fields.
    children: Children,
) -> impl IntoView {
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        on_submit.run(());
    };
    let cancel = on_cancel.map(|on_cancel| {
        view! {
            <button type="button" class="button" on:click=move |_| on_cancel.run(())>
                "Cancel"
            </button>
        }
    });
    view! {
        <form class="account-form" novalidate=true on:submit=submit>
            {children()}
            <p class="form-error" role="alert">
                {move || submission.errors.with(|errors| errors.get(WHOLE).unwrap_or_default().to_owned())}
            </p>
            <div class="form-actions">
                {cancel}
                <SubmitButton label=action class=class busy=submission.busy />
                <span class="form-done" role="status">
                    {move || if submission.done.get() { done } else { "" }}
                </span>
            </div>
        </form>
    }
}
