//! The dialogs about the user: who they are, and their settings.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::SessionId;
use shared::sessions::Session;
use shared::users::{ChangePassword, Username};

use crate::boxed::effect;
use crate::browser;
use crate::client::{self, ClientError};
use crate::components::account_dialog::AccountDialog;
use crate::components::name_dialog::NameDialog;
use crate::components::settings_dialog::{Settings, SettingsDialog};
use crate::dialogs::token_list::TokenList;
use crate::live::Live;
use crate::overlays::Overlays;
use crate::session::{self, become_guest, sign_out};
use crate::state::State;
use crate::state::account_actions::AccountAction;
use crate::state::account_forms::FormKind;
use crate::state::toasts::Tone;
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
    let sign_in_form = Submission::default();
    let (name, password, ending) = (Submission::default(), Submission::default(), Submission::default());
    let sessions = RwSignal::new(None);
    let on_action = Callback::new(move |action| match action {
        AccountAction::OpenSignUp => overlays.open_account(FormKind::SignUp),
        AccountAction::OpenSignIn => overlays.open_account(FormKind::SignIn),
        AccountAction::Authenticate(credentials) => sign_in_form.send(Box::pin(async move {
            session::authenticate(state, live, credentials, None).await?;
            overlays.identified();
            Ok(())
        })),
        AccountAction::Rename(new) => name.send(Box::pin(session::rename(state, live, new))),
        AccountAction::ChangePassword(current_password, new_password) => {
            let change = ChangePassword { current_password, new_password };
            password.send(Box::pin(client::users::change_password(change)));
        }
        // Handled by the reset page.
        AccountAction::Reset(_) => {}
        AccountAction::LoadSessions => {
            sessions.set(None);
            ending.send(Box::pin(load(sessions)));
        }
        AccountAction::EndSession(id) => ending.send(Box::pin(end(id, sessions))),
        // The link leads there.
        AccountAction::OpenAdmin => overlays.settings.set(false),
        AccountAction::OpenDeletion => {
            overlays.settings.set(false);
            // Wait until the closed dialog has restored the focus.
            request_animation_frame(move || overlays.deletion.set(true));
        }
        AccountAction::SignOut => {
            overlays.settings.set(false);
            spawn_local(async move {
                match sign_out(state, live).await {
                    Ok(()) => state.toast(Tone::Notice, "You are signed out.", browser::now()),
                    Err(error) => state.toast(Tone::Error, error.sentence(), browser::now()),
                }
            });
        }
    });
    let is_admin = RwSignal::new(false);
    effect(move || {
        if overlays.settings.get() {
            spawn_local(async move {
                // Without an answer the link is missing. The next opening asks again.
                is_admin.set(client::users::get_me().await.is_ok_and(|me| me.is_admin));
            });
        }
    });
    let settings = Settings {
        identity: state.identity,
        name,
        password,
        sessions,
        ending,
        is_admin,
        tokens: Callback::new(|()| view! { <TokenList /> }.into_any()),
        on_action,
    };
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
            submission=sign_in_form
            on_action=on_action
        />
        <SettingsDialog open=overlays.settings settings=settings />
    }
}

async fn load(sessions: RwSignal<Option<Vec<Session>>>) -> Result<(), ClientError> {
    sessions.set(Some(client::sessions::list().await?));
    Ok(())
}

/// Ends a session, or all others.
async fn end(id: Option<SessionId>, sessions: RwSignal<Option<Vec<Session>>>) -> Result<(), ClientError> {
    let outcome = match id {
        Some(id) => client::sessions::delete(id).await,
        None => client::sessions::delete_others().await,
    };
    match outcome {
        // The session is gone already, which is fine.
        Err(error) if !error.is_missing() => return Err(error),
        _ => {}
    }
    load(sessions).await?;
    // The pressed button no longer exists.
    request_animation_frame(|| browser::focus("#sessions"));
    Ok(())
}
