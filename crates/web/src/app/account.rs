//! The dialogs that ask the user who they are.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::users::Username;

use crate::components::account_dialog::AccountDialog;
use crate::components::name_dialog::NameDialog;
use crate::live::Live;
use crate::overlays::Overlays;
use crate::session::{self, become_guest};
use crate::state::State;
use crate::state::account_actions::AccountAction;
use crate::state::account_forms::FormKind;
use crate::submission::Submission;

/// The dialogs, connected to the state and to the server.
#[component]
pub fn AccountDialogs() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let overlays = expect_context::<Overlays>();
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None);
    let on_name = Callback::new(move |name: Username| {
        busy.set(true);
        spawn_local(async move {
            match become_guest(state, live, name, None).await {
                Ok(()) => overlays.identified(),
                Err(refused) => error.set(Some(refused.sentence())),
            }
            busy.set(false);
        });
    });
    let submission = Submission::default();
    let on_action = Callback::new(move |action| {
        if let AccountAction::Authenticate(credentials) = action {
            submission.send(Box::pin(async move {
                session::authenticate(state, live, credentials, None).await?;
                overlays.identified();
                Ok(())
            }));
        }
    });
    view! {
        <NameDialog
            open=overlays.name
            busy=busy
            error=error
            on_submit=on_name
            on_sign_in=Callback::new(move |()| overlays.switch_to_account(FormKind::SignIn))
        />
        <AccountDialog
            open=overlays.account
            signs_in=overlays.signs_in
            identity=state.identity
            may_sign_up=state.may_sign_up
            submission=submission
            on_action=on_action
        />
    }
}
