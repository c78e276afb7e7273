//! The button that submits a form.

use leptos::prelude::*;

/// A submit button. It says so while the request is in flight.
#[component]
pub fn SubmitButton(
    /// What the button does.
    label: &'static str,
    /// The label while the request is in flight.
    #[prop(default = "Working…")]
    busy_label: &'static str,
    /// Its classes.
    #[prop(default = "button primary")]
    class: &'static str,
    /// Whether the request is in flight.
    busy: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <button type="submit" class=class aria-busy=move || busy.get().to_string()>
            {move || if busy.get() { busy_label } else { label }}
        </button>
    }
}
