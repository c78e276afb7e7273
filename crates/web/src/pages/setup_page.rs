//! The page of the setup link: the first admin signs up.

use leptos::prelude::*;

use crate::browser;
use crate::components::account_form::AccountForm;
use crate::components::page_frame::PageFrame;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::pages::reset_page::follow_secret;
use crate::route::Route;
use crate::session;
use crate::state::State;
use crate::state::entry::{Mode, Wish};
use crate::state::toasts::Tone;
use crate::submission::Submission;

/// The form to sign up, with the secret of the link.
#[component]
pub fn SetupPage() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let navigation = expect_context::<Navigation>();
    let overlays = expect_context::<Overlays>();
    let secret = follow_secret(navigation);
    let submission = Submission::default();
    let values = [RwSignal::new(browser::guest_name()), RwSignal::default()];
    let on_wish = Callback::new(move |wish| {
        let Wish::Enter(entry) = wish else { return };
        let secret = secret.get_untracked();
        submission.send(Box::pin(async move {
            session::enter(state, live, entry, secret).await?;
            state.toast(Tone::Notice, "Your account administers this server.", browser::now());
            navigation.replace(Route::Rooms);
            Ok(())
        }));
    });
    let draw = move || {
        if secret.with(Option::is_none) {
            return view! { <p>"Open the whole link that the server printed when it started."</p> }
                .into_any();
        }
        view! {
            <p>"The account that you create here administers the server."</p>
            <AccountForm
                id="setup"
                mode=Mode::SignUp
                values=values
                submission=submission
                on_wish=on_wish
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
