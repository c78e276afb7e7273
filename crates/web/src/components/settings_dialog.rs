//! The settings: the account, its sessions, and the appearance.

use leptos::prelude::*;
use shared::sessions::Session;
use shared::users::{User, UserKind};

use crate::browser::{self, keys};
use crate::components::account_form::AccountForm;
use crate::components::modal::Modal;
use crate::components::segments::Segments;
use crate::components::session_list::SessionList;
use crate::state::Identity;
use crate::state::entry::{Mode, Wish};
use crate::submission::Submission;

/// The stored value and the label of each theme.
const THEMES: [(&str, &str); 3] = [("", "Like the system"), ("light", "Light"), ("dark", "Dark")];
/// The parts of a member's settings.
const PARTS: [&str; 4] = ["Profile", "Password", "Sessions", "Appearance"];

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
    /// Called when the user wants something.
    pub on_wish: Callback<Wish>,
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

/// The settings of who the user is when the dialog opens.
fn content(settings: Settings) -> AnyView {
    let Settings { identity, name, password, ending, on_wish, .. } = settings;
    for form in [name, password, ending] {
        form.reset();
    }
    let Some(user) = identity.with_untracked(|identity| identity.user().cloned()) else {
        let words = "You are reading without a name. An account keeps your name on all your devices.";
        return view! {
            {invitation(words, on_wish)}
            <Appearance />
        }
        .into_any();
    };
    if user.kind == UserKind::Guest {
        let words = "You are a guest in this browser only. With an account you keep your messages, and can sign in \
            on any device.";
        let farewell =
            "Signing out gives up the name. Your messages stay, but nobody can change them any more.";
        return view! {
            {invitation(words, on_wish)}
            {name_form(&user, Mode::RenameGuest, settings)}
            <Appearance />
            {leave(farewell, on_wish)}
        }
        .into_any();
    }
    let chosen = RwSignal::new(0);
    view! {
        <div class="parts">
            <Segments label="Part of the settings" choices=&PARTS chosen=chosen />
            <div class="part">{move || part(settings, chosen.get())}</div>
        </div>
    }
    .into_any()
}

/// A part of a member's settings.
fn part(settings: Settings, chosen: u32) -> AnyView {
    let Settings { identity, password, sessions, ending, on_wish, .. } = settings;
    let Some(user) = identity.with_untracked(|identity| identity.user().cloned()) else {
        return ().into_any();
    };
    match chosen {
        0 => view! {
            {name_form(&user, Mode::RenameMember, settings)}
            {leave("Your account stays, and so do your messages.", on_wish)}
        }
        .into_any(),
        1 => {
            let values = [RwSignal::default(), RwSignal::default()];
            view! {
                <AccountForm
                    id="settings"
                    mode=Mode::Password
                    values=values
                    submission=password
                    on_wish=on_wish
                    username=user.username.as_str().to_owned()
                />
            }
            .into_any()
        }
        2 => {
            on_wish.run(Wish::SeeSessions);
            view! { <SessionList sessions=sessions submission=ending on_wish=on_wish /> }.into_any()
        }
        _ => view! { <Appearance /> }.into_any(),
    }
}

fn name_form(user: &User, mode: Mode, settings: Settings) -> AnyView {
    let values = [RwSignal::new(user.username.as_str().to_owned()), RwSignal::default()];
    let Settings { name, on_wish, .. } = settings;
    view! { <AccountForm id="settings" mode=mode values=values submission=name on_wish=on_wish /> }.into_any()
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
fn invitation(words: &'static str, on_wish: Callback<Wish>) -> AnyView {
    view! {
        <div class="setting">
            <p>{words}</p>
            <div class="setting-action">
                <button type="button" class="button" on:click=move |_| on_wish.run(Wish::Ask(Mode::SignUp))>
                    "Create account"
                </button>
                <button type="button" class="button quiet" on:click=move |_| on_wish.run(Wish::Ask(Mode::SignIn))>
                    "Sign in"
                </button>
            </div>
        </div>
    }
    .into_any()
}

fn leave(words: &'static str, on_wish: Callback<Wish>) -> AnyView {
    view! {
        <div class="setting last">
            <p>{words}</p>
            <button type="button" class="button" on:click=move |_| on_wish.run(Wish::SignOut)>
                "Sign out"
            </button>
        </div>
    }
    .into_any()
}
