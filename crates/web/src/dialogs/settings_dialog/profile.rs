//! Who the user is to others: picture and name. Also the ways to an account, and out.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::UserId;
use shared::users::{User, UserKind};

use super::context::Settings;
use crate::browser;
use crate::client;
use crate::components::account_form::AccountForm;
use crate::components::avatar::Avatar;
use crate::components::confirm_dialog::Question;
use crate::dialogs::avatar_editor::AvatarEditor;
use crate::session;
use crate::state::account_actions::AccountAction;
use crate::state::account_forms::FormKind;
use crate::state::toasts::Tone;
use crate::submission::{Request, Submission};

const VISITOR: &str = "You are not signed in. An account keeps your name on all your devices.";
const GUEST: &str = "You are a guest in this browser only. With an account you keep your messages, and can sign in on \
    any device.";

/// Asks whether the user is an admin of the server.
pub fn ask_for_rights(is_admin: RwSignal<bool>) {
    spawn_local(async move {
        // Without an answer the link is missing. The next opening asks again.
        is_admin.set(client::users::get_me().await.is_ok_and(|me| me.is_admin));
    });
}

/// The profile of the user, or of nobody.
#[component]
pub fn Profile(settings: Settings, is_admin: RwSignal<bool>) -> impl IntoView {
    let Settings { overlays, .. } = settings;
    let Some(user) = settings.user() else {
        return view! { <Invitation settings=settings words=VISITOR /> }.into_any();
    };
    let is_guest = user.kind == UserKind::Guest;
    let kind = if is_guest { FormKind::RenameGuest } else { FormKind::RenameMember };
    view! {
        {is_guest.then(|| view! { <Invitation settings=settings words=GUEST /> })}
        <OwnPicture settings=settings id=user.id />
        <NameForm settings=settings user=user kind=kind />
        <Show when=move || is_admin.get()>
            <div class="setting last">
                <p>"You are an admin of this server."</p>
                <a class="button" href="/admin" on:click=move |_| overlays.settings.set(false)>
                    "Server admin"
                </a>
            </div>
        </Show>
        <div class="setting last">
            <p>
                {if is_guest {
                    "If you sign out, you lose this name. Your messages stay, but can no longer be edited or deleted."
                } else {
                    "Your account and messages are kept."
                }}
            </p>
            <button type="button" class="button" on:click=move |_| ask_to_sign_out(settings, is_guest)>
                {if is_guest { "Sign out…" } else { "Sign out" }}
            </button>
        </div>
    }
    .into_any()
}

#[component]
fn OwnPicture(settings: Settings, id: UserId) -> impl IntoView {
    let Settings { state, live, unsaved, .. } = settings;
    let draw = move |()| {
        let user = state.identity.with(|identity| identity.user().filter(|user| user.id == id).cloned());
        user.map(|user| view! { <Avatar picture=&user name=user.username.as_str() large=true /> }).into_any()
    };
    let has_picture = move |()| {
        state.identity.with(|identity| identity.user().is_some_and(|user| user.avatar_url.is_some()))
    };
    let on_save =
        Callback::new(move |image| -> Request { Box::pin(session::set_avatar(state, live, image)) });
    view! {
        <AvatarEditor
            label="Your picture"
            draw=draw
            has_picture=has_picture
            unsaved=unsaved
            on_save=on_save
        />
    }
}

#[component]
fn NameForm(settings: Settings, user: User, kind: FormKind) -> impl IntoView {
    let Settings { state, live, unsaved, .. } = settings;
    let submission = Submission::default();
    let name = RwSignal::new(user.username.as_str().to_owned());
    unsaved.follow(move || {
        let is_same = |user: &User| name.with(|name| name.trim() == user.username.as_str());
        state.identity.with(|identity| identity.user().is_some_and(|user| !is_same(user)))
    });
    let on_action = Callback::new(move |action| {
        if let AccountAction::Rename(new) = action {
            submission.send(Box::pin(session::rename(state, live, new)));
        }
    });
    view! {
        <AccountForm
            id="settings"
            kind=kind
            values=[name, RwSignal::default()]
            submission=submission
            on_action=on_action
        />
    }
}

/// Offers an account.
#[component]
fn Invitation(settings: Settings, words: &'static str) -> impl IntoView {
    let Settings { overlays, unsaved, state, .. } = settings;
    let open = move |kind| unsaved.before(move || overlays.open_account(kind));
    view! {
        <div class="setting">
            <p>{words}</p>
            <div class="setting-action">
                <Show when=move || state.may_sign_up.get()>
                    <button type="button" class="button" on:click=move |_| open(FormKind::SignUp)>
                        "Create account"
                    </button>
                </Show>
                <button type="button" class="button quiet" on:click=move |_| open(FormKind::SignIn)>
                    "Sign in"
                </button>
            </div>
        </div>
    }
}

/// A guest cannot come back, so they are asked.
fn ask_to_sign_out(settings: Settings, is_guest: bool) {
    let Settings { state, overlays, unsaved, .. } = settings;
    if !is_guest {
        return unsaved.before(move || sign_out(settings));
    }
    let name = state.author().map(|author| author.username.as_str().to_owned()).unwrap_or_default();
    overlays.question.set(Some(Question {
        title: format!("Sign out and lose the name {name}?"),
        text: "A guest cannot come back. Your messages stay, but you can no longer edit or delete them. With an \
            account you could sign in again.",
        action: "Sign out",
        on_confirm: Arc::new(move || sign_out(settings)),
    }));
}

fn sign_out(Settings { state, live, overlays, .. }: Settings) {
    overlays.settings.set(false);
    spawn_local(async move {
        match session::sign_out(state, live).await {
            Ok(()) => state.toast(Tone::Notice, "You are signed out.", browser::now()),
            Err(error) => state.toast(Tone::Error, error.sentence(), browser::now()),
        }
    });
}
