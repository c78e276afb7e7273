//! The page of a password reset link.

use leptos::prelude::*;
use shared::users::ResetPassword;

use crate::browser;
use crate::client;
use crate::components::account_form::AccountForm;
use crate::components::page_frame::PageFrame;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::state::account_actions::AccountAction;
use crate::state::account_forms::FormKind;
use crate::submission::Submission;

/// The form for a new password, and what became of it.
#[component]
pub fn ResetPage() -> impl IntoView {
    let overlays = expect_context::<Overlays>();
    let secret = expect_context::<Navigation>().follow_secret();
    let submission = Submission::default();
    let values = [RwSignal::default(), RwSignal::default()];
    let on_action = Callback::new(move |action| {
        let (AccountAction::Reset(new_password), Some(token)) = (action, secret.get_untracked()) else {
            return;
        };
        submission.send(Box::pin(async move {
            client::users::reset_password(ResetPassword { token, new_password }).await?;
            // Screen readers read the text that replaces the form.
            request_animation_frame(|| browser::focus("#reset-done"));
            Ok(())
        }));
    });
    let draw = move || {
        if secret.with(Option::is_none) {
            return view! { <p>"This link is incomplete. Open the full link from your admin."</p> }
                .into_any();
        }
        if submission.done.get() {
            return view! {
                <p id="reset-done" tabindex="-1">"Your new password is set."</p>
                <button type="button" class="button primary" on:click=move |_| overlays.open_account(FormKind::SignIn)>
                    "Sign in"
                </button>
            }
            .into_any();
        }
        view! {
            <p>"You will be signed out everywhere. Then sign in with your new password."</p>
            <AccountForm id="reset" kind=FormKind::Reset values=values submission=submission on_action=on_action />
        }
        .into_any()
    };
    view! {
        <PageFrame menu_open=overlays.menu>
            <div class="account-page">
                <h1>"Choose a new password"</h1>
                {move || draw()}
            </div>
        </PageFrame>
    }
}
