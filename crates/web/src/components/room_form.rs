//! A form with one field for a room's name.

use leptos::html::Input;
use leptos::prelude::*;
use shared::rooms::RoomName;

use crate::boxed::effect;
use crate::components::field_error::FieldError;
use crate::components::keys::is_composing;
use crate::components::submit_button::SubmitButton;
use crate::debounce::Debounce;

/// Creates or renames a room. The name is validated when typing pauses.
#[component]
pub fn RoomForm(
    /// The field's id.
    id: &'static str,
    /// The field's label.
    label: &'static str,
    /// The label of the button that confirms.
    action: &'static str,
    /// The initial name.
    #[prop(optional, into)]
    initial: String,
    /// Whether the request is in flight.
    busy: RwSignal<bool>,
    /// What is wrong with the name, by the rules or by the server. Typing clears it.
    error: RwSignal<Option<String>>,
    /// Empties the field each time it grows.
    #[prop(optional)]
    done: RwSignal<u32>,
    /// Called with a valid name.
    on_submit: Callback<RoomName>,
    /// Called by Escape and by the button "Cancel", which exists only with this callback.
    #[prop(optional)]
    on_cancel: Option<Callback<()>>,
) -> impl IntoView {
    let name = RwSignal::new(initial);
    let field = NodeRef::<Input>::new();
    let debounce = Debounce::idle();
    let check = move || error.set(RoomName::parse(&name.get_untracked()).err().map(|invalid| invalid.detail));
    effect(move || {
        if done.get() > 0 {
            name.set(String::new());
        }
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        debounce.cancel();
        check();
        match RoomName::parse(&name.get_untracked()) {
            Ok(name) if !busy.get_untracked() => on_submit.run(name),
            _ => {
                if let Some(field) = field.get_untracked() {
                    // Focusing an element of the page cannot fail.
                    let _ = field.focus();
                }
            }
        }
    };
    let cancel_on_escape = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape"
            && !is_composing(&event)
            && let Some(on_cancel) = on_cancel
        {
            event.stop_propagation();
            on_cancel.run(());
        }
    };
    let cancel = on_cancel.map(|on_cancel| {
        view! {
            <button type="button" class="button" on:click=move |_| on_cancel.run(())>
                "Cancel"
            </button>
        }
    });
    let error_id = format!("{id}-error");
    view! {
        <form class="room-form" novalidate=true on:submit=submit on:keydown=cancel_on_escape>
            <label for=id>{label}</label>
            <div class="room-form-row">
                <input
                    node_ref=field
                    id=id
                    class="input"
                    type="text"
                    autocomplete="off"
                    aria-describedby=error_id.clone()
                    aria-invalid=move || error.with(Option::is_some).to_string()
                    bind:value=name
                    on:input=move |_| {
                        error.set(None);
                        debounce.start(check);
                    }
                />
                <SubmitButton label=action busy=busy />
                {cancel}
            </div>
            <FieldError id=error_id error=error />
        </form>
    }
}
