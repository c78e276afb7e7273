//! Asks for a name where something other than a message needs one.

use leptos::prelude::*;
use shared::users::Username;

use crate::browser::{self, keys};
use crate::components::modal::Modal;
use crate::shapes::{act, handle, text};

/// One field for a guest's name.
#[component]
pub fn NameDialog(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// Whether the server is being asked.
    #[prop(into)]
    busy: Signal<bool>,
    /// What the server had against the name.
    error: RwSignal<Option<String>>,
    /// A valid name.
    on_submit: Callback<Username>,
) -> impl IntoView {
    let name = RwSignal::new(browser::load(keys::NAME).unwrap_or_default());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match Username::parse_guest(&name.get_untracked()) {
            Ok(name) if !busy.get_untracked() => on_submit.run(name),
            Ok(_) => {}
            Err(invalid) => error.set(Some(invalid.detail)),
        }
    };
    view! {
        <Modal open label="Your name" class="narrow">
            <form novalidate on:submit=handle(submit)>
                <h2><label for="guest-name">"What should we call you?"</label></h2>
                <input
                    id="guest-name"
                    class="input"
                    type="text"
                    autocomplete="nickname"
                    autofocus
                    placeholder="4 to 20 characters"
                    aria-describedby="guest-name-error"
                    aria-invalid=text(move || error.with(Option::is_some).to_string())
                    prop:value=name
                    on:input=handle(move |event| {
                        name.set(event_target_value(&event));
                        error.set(None);
                    })
                />
                <p class="field-error" id="guest-name-error" role="alert">{text(move || error.get().unwrap_or_default())}</p>
                <div class="dialog-actions">
                    <button type="button" class="button" on:click=act(move || open.set(false))>"Cancel"</button>
                    <button type="submit" class="button primary" aria-busy=text(move || busy.get().to_string())>
                        {text(move || if busy.get() { "Working…" } else { "Continue" })}
                    </button>
                </div>
            </form>
        </Modal>
    }
}
