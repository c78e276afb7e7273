//! The line under a field that says what is wrong with its content.

use leptos::prelude::*;

/// An error message. The field refers to it by `aria-describedby`.
#[component]
pub fn FieldError(
    /// The id of the line.
    #[prop(into)]
    id: String,
    /// The error, if there is one.
    #[prop(into)]
    error: Signal<Option<String>>,
) -> impl IntoView {
    view! {
        <p class="field-error" id=id role="alert">
            {move || error.get().unwrap_or_default()}
        </p>
    }
}
