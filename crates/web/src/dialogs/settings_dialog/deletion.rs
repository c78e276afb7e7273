//! Deleting the account.

use std::sync::Arc;

use leptos::prelude::*;
use shared::users::{DeleteUser, DeletedMessages, Password, UserKind};

use super::context::Settings;
use crate::browser;
use crate::components::confirm_dialog::Question;
use crate::components::form_field::FormField;
use crate::components::form_frame::FormFrame;
use crate::session;
use crate::state::account_forms::{FieldSpec, field};
use crate::state::form_errors::Errors;
use crate::state::toasts::Tone;
use crate::submission::Submission;

const PASSWORD: FieldSpec = field("Your password", "current_password", "current-password", "");

/// Deletes the account, or the guest.
#[component]
pub fn DeletionForm(settings: Settings) -> impl IntoView {
    let Settings { state, live, overlays, unsaved } = settings;
    let submission = Submission::default();
    let password = RwSignal::new(String::new());
    let erase = RwSignal::new(false);
    let is_member = settings.user().is_some_and(|user| user.kind == UserKind::Member);
    unsaved.follow(move || password.with(|password| !password.is_empty()) || erase.get());
    let on_submit = Callback::new(move |()| {
        let text = password.get_untracked();
        if is_member && text.is_empty() {
            let mut errors = Errors::default();
            errors.require("current_password", "Your password is required.", &text);
            return submission.refuse(errors);
        }
        let messages = if erase.get_untracked() { DeletedMessages::Erase } else { DeletedMessages::Keep };
        let password = is_member.then(|| Password::to_compare(&text));
        let delete = DeleteUser { password, messages };
        let on_confirm = Arc::new(move || {
            let delete = delete.clone();
            submission.send(Box::pin(async move {
                session::delete_account(state, live, delete).await?;
                overlays.settings.set(false);
                state.toast(Tone::Notice, "Your account is deleted.", browser::now());
                Ok(())
            }));
        });
        overlays.question.set(Some(Question {
            title: "Delete your account?".to_owned(),
            text: "This ends all your sessions and memberships at once. It cannot be undone.",
            action: "Delete account",
            on_confirm,
        }));
    });
    view! {
        <p>"This ends all your sessions and memberships at once. It cannot be undone."</p>
        <FormFrame
            action="Delete account…"
            done=""
            class="button danger"
            submission=submission
            on_submit=on_submit
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
