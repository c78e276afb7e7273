//! The settings: the account, its sessions, and the appearance.

use leptos::prelude::*;
use shared::sessions::Session;
use shared::users::{User, UserKind};

use crate::browser::{self, keys};
use crate::components::account_form::AccountForm;
use crate::components::modal::Modal;
use crate::components::segmented_control::SegmentedControl;
use crate::components::session_list::SessionList;
use crate::state::Identity;
use crate::state::account_actions::AccountAction;
use crate::state::account_forms::FormKind;
use crate::submission::Submission;

/// The stored value and the label of each theme.
const THEMES: [(&str, &str); 3] = [("", "Same as the system"), ("light", "Light"), ("dark", "Dark")];
/// The parts of a member's settings.
const PARTS: [&str; 5] = ["Profile", "Password", "Sessions", "Tokens", "Appearance"];

/// What the settings show and do.
#[derive(Clone, Copy)]
pub struct Settings {
    /// The user.
    pub identity: RwSignal<Identity>,
    /// The form with the name.
    pub name: Submission,
    /// The form with the password.
    pub password: Submission,
    /// The user's sessions.
    pub sessions: RwSignal<Option<Vec<Session>>>,
    /// The requests about the sessions.
    pub ending: Submission,
    /// Whether the user is an admin of the server.
    pub is_admin: RwSignal<bool>,
    /// Draws the list of API tokens.
    pub tokens: Callback<(), AnyView>,
    /// Called with what the user asks for.
    pub on_action: Callback<AccountAction>,
}

/// A dialog with all settings.
#[component]
pub fn SettingsDialog(
    /// Whether the dialog is open.
    open: RwSignal<bool>,
    /// What it shows and does.
    settings: Settings,
) -> impl IntoView {
    view! {
        <Modal open=open label="Settings" class="narrow settings">
            <h2>"Settings"</h2>
            {content(settings)}
            <div class="dialog-actions">
                <button type="button" class="button primary" on:click=move |_| open.set(false)>
                    "Done"
                </button>
            </div>
        </Modal>
    }
}

/// The content, for the user who is signed in when the dialog opens.
fn content(settings: Settings) -> AnyView {
    let Settings { identity, name, password, ending, on_action, .. } = settings;
    for form in [name, password, ending] {
        form.reset();
    }
    let Some(user) = identity.with_untracked(|identity| identity.user().cloned()) else {
        let words = "You are not signed in. An account keeps your name on all your devices.";
        return view! {
            {invitation(words, on_action)}
            <Appearance />
        }
        .into_any();
    };
    if user.kind == UserKind::Guest {
        let words = "You are a guest in this browser only. With an account you keep your messages, and can sign in \
            on any device.";
        let farewell = "If you sign out, you lose this name. Your messages stay, but can no longer be edited or deleted.";
        return view! {
            {invitation(words, on_action)}
            {name_form(&user, FormKind::RenameGuest, settings)}
            <Appearance />
            {leave(farewell, on_action)}
            {deletion(on_action)}
        }
        .into_any();
    }
    let chosen = RwSignal::new(0);
    view! {
        <div class="parts">
            <SegmentedControl
                label="Settings section"
                choices=(0..).zip(PARTS).collect()
                chosen=chosen
            />
            <div class="part">{move || part(settings, chosen.get())}</div>
        </div>
    }
    .into_any()
}

/// A part of a member's settings.
fn part(settings: Settings, chosen: u32) -> AnyView {
    let Settings { identity, password, sessions, ending, is_admin, tokens, on_action, .. } = settings;
    let Some(user) = identity.with_untracked(|identity| identity.user().cloned()) else {
        return ().into_any();
    };
    match chosen {
        0 => view! {
            {name_form(&user, FormKind::RenameMember, settings)}
            {leave("Your account and messages are kept.", on_action)}
            <Show when=move || is_admin.get()>
                <div class="setting last">
                    <p>"You are an admin of this server."</p>
                    <a class="button" href="/admin" on:click=move |_| on_action.run(AccountAction::OpenAdmin)>
                        "Server admin"
                    </a>
                </div>
            </Show>
            {deletion(on_action)}
        }
        .into_any(),
        1 => {
            let values = [RwSignal::default(), RwSignal::default()];
            view! {
                <AccountForm
                    id="settings"
                    kind=FormKind::Password
                    values=values
                    submission=password
                    on_action=on_action
                    username=user.username.as_str().to_owned()
                />
            }
            .into_any()
        }
        2 => {
            on_action.run(AccountAction::LoadSessions);
            view! { <SessionList sessions=sessions submission=ending on_action=on_action /> }.into_any()
        }
        3 => tokens.run(()),
        _ => view! { <Appearance /> }.into_any(),
    }
}

fn name_form(user: &User, kind: FormKind, settings: Settings) -> AnyView {
    let values = [RwSignal::new(user.username.as_str().to_owned()), RwSignal::default()];
    let Settings { name, on_action, .. } = settings;
    view! { <AccountForm id="settings" kind=kind values=values submission=name on_action=on_action /> }
        .into_any()
}

#[component]
fn Appearance() -> impl IntoView {
    view! {
        <fieldset class="setting">
            <legend>"Appearance"</legend>
            {THEMES.map(|(value, label)| view! { <ThemeChoice value=value label=label /> }).collect_view()}
        </fieldset>
    }
}

#[component]
fn ThemeChoice(value: &'static str, label: &'static str) -> impl IntoView {
    let is_chosen = browser::load(keys::THEME).unwrap_or_default() == value;
    let choose = move |_| {
        browser::save(keys::THEME, value);
        if let Some(root) = browser::document().document_element() {
            // Only refused for a malformed name.
            let _ = root.set_attribute("data-theme", value);
        }
    };
    view! {
        <label class="choice">
            <input type="radio" name="theme" prop:checked=is_chosen on:change=choose />
            {label}
        </label>
    }
}

/// Offers an account.
fn invitation(words: &'static str, on_action: Callback<AccountAction>) -> AnyView {
    view! {
        <div class="setting">
            <p>{words}</p>
            <div class="setting-action">
                <button type="button" class="button" on:click=move |_| on_action.run(AccountAction::OpenSignUp)>
                    "Create account"
                </button>
                <button type="button" class="button quiet" on:click=move |_| on_action.run(AccountAction::OpenSignIn)>
                    "Sign in"
                </button>
            </div>
        </div>
    }
    .into_any()
}

fn leave(words: &'static str, on_action: Callback<AccountAction>) -> AnyView {
    view! {
        <div class="setting last">
            <p>{words}</p>
            <button type="button" class="button" on:click=move |_| on_action.run(AccountAction::SignOut)>
                "Sign out"
            </button>
        </div>
    }
    .into_any()
}

fn deletion(on_action: Callback<AccountAction>) -> AnyView {
    view! {
        <div class="setting last">
            <p>"Deleting your account ends it everywhere. You decide what happens to your messages."</p>
            <button type="button" class="button" on:click=move |_| on_action.run(AccountAction::OpenDeletion)>
                "Delete account…"
            </button>
        </div>
    }
    .into_any()
}
