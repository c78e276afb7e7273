//! The settings: appearance and session.

use leptos::prelude::*;
use shared::users::User;

use crate::browser::{self, keys};
use crate::components::modal::Modal;
use crate::state::Identity;

/// The stored value and the label of each theme.
const THEMES: [(&str, &str); 3] = [("", "Like the system"), ("light", "Light"), ("dark", "Dark")];

/// A dialog with the theme and the session.
#[component]
pub fn SettingsDialog(
    /// Whether the dialog is open.
    open: RwSignal<bool>,
    /// The user.
    identity: RwSignal<Identity>,
    /// Called to sign out.
    on_sign_out: Callback<()>,
) -> impl IntoView {
    let sign_out = Callback::new(move |()| {
        open.set(false);
        on_sign_out.run(());
    });
    let session = move || {
        let user = identity.with_untracked(|identity| identity.user().cloned());
        user.map(|user| view! { <SessionSetting user=user on_sign_out=sign_out /> })
    };
    view! {
        <Modal open=open label="Settings" class="narrow">
            <h2>"Settings"</h2>
            <fieldset class="setting">
                <legend>"Appearance"</legend>
                {THEMES.map(|(value, label)| view! { <ThemeChoice value=value label=label /> }).collect_view()}
            </fieldset>
            {session()}
            <div class="dialog-actions">
                <button type="button" class="button primary" on:click=move |_| open.set(false)>
                    "Done"
                </button>
            </div>
        </Modal>
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

#[component]
fn SessionSetting(user: User, on_sign_out: Callback<()>) -> impl IntoView {
    view! {
        <div class="setting">
            <h3>"Your name"</h3>
            <p>
                <bdi>{user.username.as_str().to_owned()}</bdi>
                ", a guest in this browser. Signing out gives up the name. Your messages stay, but nobody can change \
                them any more."
            </p>
            <button type="button" class="button" on:click=move |_| on_sign_out.run(())>
                "Sign out"
            </button>
        </div>
    }
}
