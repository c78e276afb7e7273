//! The page of a link from an admin: its user chooses a new password.

use leptos::prelude::*;
use shared::users::ResetPassword;

use crate::browser;
use crate::client;
use crate::components::account_form::AccountForm;
use crate::components::page_frame::PageFrame;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::reactive::effect;
use crate::state::entry::{Mode, Wish};
use crate::submission::Submission;

/// The secret of the link that leads to this page, also when another link is opened on it.
pub fn follow_secret(navigation: Navigation) -> RwSignal<Option<String>> {
    let secret = RwSignal::new(None);
    effect(move || {
        navigation.route();
        if let Some(found) = navigation.take_secret() {
            secret.set(Some(found));
        }
    });
    secret
}

/// The form for a new password, and what became of it.
#[component]
pub fn ResetPage() -> impl IntoView {
    let overlays = expect_context::<Overlays>();
    let secret = follow_secret(expect_context());
    let submission = Submission::default();
    let values = [RwSignal::default(), RwSignal::default()];
    let on_wish = Callback::new(move |wish| {
        let (Wish::Reset(new_password), Some(token)) = (wish, secret.get_untracked()) else { return };
        submission.send(Box::pin(async move {
            client::users::reset_password(ResetPassword { token, new_password }).await?;
            // The words that take the place of the form are read.
            request_animation_frame(|| browser::focus("#reset-done"));
            Ok(())
        }));
    });
    let draw = move || {
        if secret.with(Option::is_none) {
            return view! { <p>"Open the whole link that you were given."</p> }.into_any();
        }
        if submission.done.get() {
            return view! {
                <p id="reset-done" tabindex="-1">"Your new password is set."</p>
                <button type="button" class="button primary" on:click=move |_| overlays.enter(Mode::SignIn)>
                    "Sign in"
                </button>
            }
            .into_any();
        }
        view! {
            <p>"All sessions of your account end, and you sign in with the new password."</p>
            <AccountForm id="reset" mode=Mode::Reset values=values submission=submission on_wish=on_wish />
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
