//! The page of the setup link: the first admin signs up.

use leptos::prelude::*;

use crate::browser;
use crate::components::account_form::AccountForm;
use crate::components::page_frame::PageFrame;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::route::Route;
use crate::session::{self, LinkSecret};
use crate::state::State;
use crate::state::account_actions::AccountAction;
use crate::state::account_forms::FormKind;
use crate::state::toasts::Tone;
use crate::submission::Submission;

/// The form to sign up, with the secret of the link.
#[component]
pub fn SetupPage() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let navigation = expect_context::<Navigation>();
    let overlays = expect_context::<Overlays>();
    let secret = navigation.follow_secret();
    let submission = Submission::default();
    let values = [RwSignal::new(browser::guest_name()), RwSignal::default()];
    let on_action = Callback::new(move |action| {
        let AccountAction::Authenticate(credentials) = action else { return };
        let secret = secret.get_untracked();
        submission.send(Box::pin(async move {
            session::authenticate(state, live, credentials, secret.map(LinkSecret::Setup)).await?;
            state.toast(Tone::Notice, "You are now an admin of this server.", browser::now());
            navigation.replace(Route::Rooms);
            Ok(())
        }));
    });
    let draw = move || {
        if secret.with(Option::is_none) {
            return view! { <p>"This link is incomplete. Open the full link that the server printed at startup."</p> }
                .into_any();
        }
        view! {
            <p>"The account you create here will be an admin of this server."</p>
            <AccountForm
                id="setup"
                kind=FormKind::SignUp
                values=values
                submission=submission
                on_action=on_action
            />
        }
        .into_any()
    };
    view! {
        <PageFrame menu_open=overlays.menu>
            <div class="account-page">
                <h1>"Set up this server"</h1>
                {move || draw()}
            </div>
        </PageFrame>
    }
}
