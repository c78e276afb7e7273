//! One field for a room's name, checked while one types.

use std::time::Duration;

use crate::shapes::{act, effect, handle, text};
use leptos::ev::{Event, KeyboardEvent, SubmitEvent};
use leptos::html;
use leptos::prelude::*;
use shared::rooms::RoomName;

/// How long one may pause before the name is checked.
const DEBOUNCE: Duration = Duration::from_millis(750);

/// Creates a room, or renames one.
#[component]
pub fn RoomForm(
    /// The label of the field.
    label: &'static str,
    /// The word on the button.
    action: &'static str,
    /// The name to begin with.
    #[prop(default = String::new())]
    initial: String,
    /// The field's id.
    id: &'static str,
    /// Whether the server is being asked.
    #[prop(into)]
    busy: Signal<bool>,
    /// What the server had against the last name. Typing clears it.
    error: RwSignal<Option<String>>,
    /// Grows when the name was taken and the field is to be emptied.
    #[prop(into, default = Signal::stored(0))]
    done: Signal<u32>,
    /// A valid name.
    on_submit: Callback<RoomName>,
    /// Gives up; without it there is no such button.
    #[prop(optional, into)]
    on_cancel: Option<Callback<()>>,
) -> impl IntoView {
    let name = RwSignal::new(initial);
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let field = NodeRef::<html::Input>::new();
    let stop_timer = move || {
        if let Some(timer) = timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    };
    let check = move || error.set(RoomName::parse(&name.get_untracked()).err().map(|invalid| invalid.detail));
    let on_input = move |event: Event| {
        name.set(event_target_value(&event));
        error.set(None);
        stop_timer();
        timer.set_value(set_timeout_with_handle(check, DEBOUNCE).ok());
    };
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        stop_timer();
        check();
        match RoomName::parse(&name.get_untracked()) {
            Ok(name) if !busy.get_untracked() => on_submit.run(name),
            _ => {
                if let Some(field) = field.get_untracked() {
                    // Focusing what is there cannot fail.
                    let _ = field.focus();
                }
            }
        }
    };
    on_cleanup(stop_timer);
    effect(move || {
        if done.get() > 0 {
            name.set(String::new());
        }
    });
    let error_id = format!("{id}-error");
    let cancel = on_cancel.map(|on_cancel| {
        view! { <button type="button" class="button" on:click=act(move || on_cancel.run(()))>"Cancel"</button> }
    });
    view! {
        <form
            class="room-form"
            novalidate
            on:submit=handle(on_submit)
            on:keydown=handle(move |event: KeyboardEvent| {
                if event.key() == "Escape" && let Some(on_cancel) = on_cancel {
                    event.stop_propagation();
                    on_cancel.run(());
                }
            })
        >
            <label for=id>{label}</label>
            <div class="room-form-row">
                <input
                    node_ref=field
                    id=id
                    class="input"
                    type="text"
                    autocomplete="off"
                    prop:value=name
                    on:input=handle(on_input)
                    aria-invalid=text(move || error.with(Option::is_some).to_string())
                    aria-describedby=error_id.clone()
                />
                <button type="submit" class="button primary" aria-busy=text(move || busy.get().to_string())>
                    {text(move || if busy.get() { "Working…" } else { action })}
                </button>
                {cancel}
            </div>
            <p class="field-error" id=error_id.clone() role="alert">{text(move || error.get().unwrap_or_default())}</p>
        </form>
    }
    .into_any()
}
