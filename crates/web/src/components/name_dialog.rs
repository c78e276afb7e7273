//! Asks for a name where an action other than sending a message needs one.

use leptos::prelude::*;
use shared::users::Username;

use crate::browser;
use crate::components::field_error::FieldError;
use crate::components::modal::Modal;
use crate::components::submit_button::SubmitButton;

/// A dialog with a field for a guest's name.
#[component]
pub fn NameDialog(
    /// Whether the dialog is open.
    open: RwSignal<bool>,
    /// Whether the request is in flight.
    busy: RwSignal<bool>,
    /// What is wrong with the name, by the rules or by the server. Typing clears it.
    error: RwSignal<Option<String>>,
    /// Called with a valid name.
    on_submit: Callback<Username>,
    /// Called when a user who has an account wants to sign in.
    on_sign_in: Callback<()>,
) -> impl IntoView {
    view! {
        <Modal open=open label="Your name" class="narrow">
            <NameForm open=open busy=busy error=error on_submit=on_submit on_sign_in=on_sign_in />
        </Modal>
    }
}

#[component]
fn NameForm(
    open: RwSignal<bool>,
    busy: RwSignal<bool>,
    error: RwSignal<Option<String>>,
    on_submit: Callback<Username>,
    on_sign_in: Callback<()>,
) -> impl IntoView {
    let name = RwSignal::new(browser::guest_name());
    let submit = move || match Username::parse_guest(&name.get_untracked()) {
        Ok(name) if !busy.get_untracked() => on_submit.run(name),
        Ok(_) => {}
        Err(invalid) => error.set(Some(invalid.detail)),
    };
    view! {
        <form
            novalidate=true
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            <h2>
                <label for="guest-name">"What should we call you?"</label>
            </h2>
            <input
                id="guest-name"
                class="input"
                type="text"
                autocomplete="nickname"
                autofocus=true
                placeholder="4 to 20 characters"
                aria-describedby="guest-name-error"
                aria-invalid=move || error.with(Option::is_some).to_string()
                bind:value=name
                on:input=move |_| error.set(None)
            />
            <FieldError id="guest-name-error" error=error />
            <div class="dialog-actions">
                <button type="button" class="button quiet aside" on:click=move |_| on_sign_in.run(())>
                    "I have an account"
                </button>
                <button type="button" class="button" on:click=move |_| open.set(false)>
                    "Cancel"
                </button>
                <SubmitButton label="Continue" busy=busy />
            </div>
        </form>
    }
}
