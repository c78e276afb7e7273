//! The dialog in which the user deletes their account.

use leptos::prelude::*;
use shared::users::{DeleteUser, DeletedMessages, Password, UserKind};

use crate::browser;
use crate::client;
use crate::components::form_field::FormField;
use crate::components::form_frame::FormFrame;
use crate::components::modal::Modal;
use crate::live::Live;
use crate::overlays::Overlays;
use crate::session;
use crate::state::State;
use crate::state::account_forms::{FieldSpec, field};
use crate::state::form_errors::Errors;
use crate::state::toasts::Tone;
use crate::submission::Submission;

const PASSWORD: FieldSpec = field("Your password", "current_password", "current-password", "");

/// Deletes the account, or the guest.
#[component]
pub fn DeletionDialog() -> impl IntoView {
    let open = expect_context::<Overlays>().deletion;
    view! {
        <Modal open=open label="Delete account" class="narrow">
            <DeletionForm />
        </Modal>
    }
}

#[component]
fn DeletionForm() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let open = expect_context::<Overlays>().deletion;
    let submission = Submission::default();
    let password = RwSignal::new(String::new());
    let erase = RwSignal::new(false);
    let kind = state.identity.with_untracked(|identity| identity.user().map(|user| user.kind));
    let is_member = kind == Some(UserKind::Member);
    let on_submit = Callback::new(move |()| {
        let text = password.get_untracked();
        if is_member && text.is_empty() {
            let mut errors = Errors::default();
            errors.require("current_password", "Your password is required.", &text);
            return submission.refuse(errors);
        }
        let messages = if erase.get_untracked() { DeletedMessages::Erase } else { DeletedMessages::Keep };
        let password = is_member.then(|| Password::to_compare(&text));
        submission.send(Box::pin(async move {
            client::users::delete_current(DeleteUser { password, messages }).await?;
            open.set(false);
            session::deleted(state, live);
            state.toast(Tone::Notice, "Your account is deleted.", browser::now());
            Ok(())
        }));
    });
    view! {
        <h2>"Delete your account?"</h2>
        <p>"This ends all your sessions and memberships at once. It cannot be undone."</p>
        <FormFrame
            action="Delete account"
            done=""
            class="button danger"
            submission=submission
            on_submit=on_submit
            on_cancel=Some(Callback::new(move |()| open.set(false)))
        >
            <fieldset class="setting">
                <legend>"Your messages"</legend>
                <label class="choice">
                    <input type="radio" name="messages" prop:checked=true on:change=move |_| erase.set(false) />
                    "Keep them, under \u{201c}Deleted user\u{201d}."
                </label>
                <label class="choice">
                    <input type="radio" name="messages" on:change=move |_| erase.set(true) />
                    "Delete them for everyone. Placeholders stay in their place."
                </label>
            </fieldset>
            {is_member
                .then(|| {
                    view! {
                        <FormField id="deletion-password".to_owned() field=&PASSWORD value=password submission=submission />
                    }
                })}
        </FormFrame>
    }
}
