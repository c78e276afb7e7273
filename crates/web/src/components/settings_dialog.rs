//! How the client looks, and who one is in it.

use leptos::prelude::*;

use crate::browser::{self, keys};
use crate::components::modal::Modal;
use crate::shapes::{act, maybe, part};
use crate::state::Identity;

const THEMES: [(&str, &str); 3] = [("", "Like the system"), ("light", "Light"), ("dark", "Dark")];

/// Theme and session.
#[component]
pub fn SettingsDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// Who one is.
    identity: RwSignal<Identity>,
    /// Ends the session.
    on_sign_out: Callback<()>,
) -> impl IntoView {
    let theme = RwSignal::new(browser::load(keys::THEME).unwrap_or_default());
    let choose = move |name: &'static str| {
        theme.set(name.to_owned());
        browser::save(keys::THEME, name);
        if let Some(root) = browser::document().document_element() {
            // Only a malformed name could be refused.
            let _ = root.set_attribute("data-theme", name);
        }
    };
    let themes = move || {
        THEMES.map(|(value, label)| {
            view! {
                <label class="choice">
                    <input
                        type="radio"
                        name="theme"
                        prop:checked=move || theme.get() == value
                        on:change=act(move || choose(value))
                    />
                    {label}
                </label>
            }
        })
    };
    let session = move || {
        let identity = identity.get();
        identity.user().map(|user| {
            view! {
                <div class="setting">
                    <h3>"Your name"</h3>
                    <p>
                        <bdi>{user.username.as_str().to_owned()}</bdi>
                        ", a guest on this browser. Signing out gives the name up: what you wrote stays, "
                        "and nobody can change it any more."
                    </p>
                    <button
                        type="button"
                        class="button"
                        on:click=act(move || {
                            open.set(false);
                            on_sign_out.run(());
                        })
                    >
                        "Sign out"
                    </button>
                </div>
            }
        })
    };
    view! {
        <Modal open label="Settings" class="narrow">
            <h2>"Settings"</h2>
            <fieldset class="setting">
                <legend>"Appearance"</legend>
                {part(themes)}
            </fieldset>
            {maybe(session)}
            <div class="dialog-actions">
                <button type="button" class="button primary" on:click=act(move || open.set(false))>"Done"</button>
            </div>
        </Modal>
    }
}
