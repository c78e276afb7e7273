//! The field for a newcomer's name above the composer.

use leptos::prelude::*;
use shared::users::Username;

use crate::components::field_error::FieldError;
use crate::debounce::Debounce;

/// A guest's name, validated when typing pauses.
#[component]
pub fn NameField(
    /// The name so far.
    name: RwSignal<String>,
    /// What is wrong with the name, by the rules or by the server. Typing clears it.
    error: RwSignal<Option<String>>,
    /// Called when a user who has an account wants to sign in.
    on_sign_in: Callback<()>,
) -> impl IntoView {
    let debounce = Debounce::idle();
    let check = move || {
        debounce.cancel();
        let name = name.get_untracked();
        if !name.trim().is_empty() {
            error.set(Username::parse_guest(&name).err().map(|invalid| invalid.detail));
        }
    };
    view! {
        <div class="composer-name">
            <label for="composer-name">"What should we call you?"</label>
            <input
                id="composer-name"
                class="input"
                type="text"
                autocomplete="nickname"
                placeholder="4 to 20 characters"
                aria-describedby="composer-name-error"
                aria-invalid=move || error.with(Option::is_some).to_string()
                bind:value=name
                on:input=move |_| {
                    error.set(None);
                    debounce.start(check);
                }
                on:change=move |_| check()
            />
            <button type="button" class="button quiet small" on:click=move |_| on_sign_in.run(())>
                "I have an account"
            </button>
            <FieldError id="composer-name-error" error=error />
        </div>
    }
}
