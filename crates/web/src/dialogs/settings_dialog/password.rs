//! Changing the password.

use leptos::prelude::*;
use shared::users::ChangePassword;

use super::context::Settings;
use crate::client;
use crate::components::account_form::AccountForm;
use crate::state::account_actions::AccountAction;
use crate::state::account_forms::FormKind;
use crate::submission::Submission;

/// The form with the current and the new password.
#[component]
pub fn PasswordSettings(settings: Settings) -> impl IntoView {
    let submission = Submission::default();
    let values = [RwSignal::new(String::new()), RwSignal::new(String::new())];
    settings.unsaved.follow(move || values.iter().any(|value| value.with(|value| !value.is_empty())));
    let on_action = Callback::new(move |action| {
        if let AccountAction::ChangePassword(current_password, new_password) = action {
            let change = ChangePassword { current_password, new_password };
            submission.send(Box::pin(client::users::change_password(change)));
        }
    });
    let username = settings.user().map(|user| user.username.as_str().to_owned()).unwrap_or_default();
    view! {
        <AccountForm
            id="settings"
            kind=FormKind::Password
            values=values
            submission=submission
            on_action=on_action
            username=username
        />
    }
}
