//! A field of a form about an account: its label, its rules, and what is wrong with it.

use leptos::prelude::*;

use crate::components::field_error::FieldError;
use crate::state::account_forms::FieldSpec;
use crate::submission::Submission;

/// A field for a line of text, or for a password that can be shown.
#[component]
pub fn FormField(
    /// The field's id.
    id: String,
    /// What it is for.
    field: &'static FieldSpec,
    /// What it holds.
    value: RwSignal<String>,
    /// The form.
    submission: Submission,
) -> impl IntoView {
    let FieldSpec { label, name, autocomplete, hint } = *field;
    let is_password = autocomplete.ends_with("password");
    let shown = RwSignal::new(!is_password);
    let error = Signal::derive(move || submission.errors.with(|errors| errors.get(name).map(str::to_owned)));
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let show = is_password.then(|| {
        view! {
            <button
                type="button"
                class="form-show"
                aria-label=move || if shown.get() { "Hide password" } else { "Show password" }
                aria-controls=id.clone()
                on:click=move |_| shown.update(|shown| *shown = !*shown)
            >
                {move || if shown.get() { "Hide" } else { "Show" }}
            </button>
        }
    });
    view! {
        <div class="form-field">
            <label for=id.clone()>{label}</label>
            <div class="form-control">
                <input
                    id=id
                    class="input"
                    type=move || if shown.get() { "text" } else { "password" }
                    name=name
                    autocomplete=autocomplete
                    aria-describedby=format!("{hint_id} {error_id}")
                    aria-invalid=move || error.with(Option::is_some).to_string()
                    bind:value=value
                    on:input=move |_| submission.touch(name)
                />
                {show}
            </div>
            <p class="form-hint" id=hint_id>{hint}</p>
            <FieldError id=error_id error=error />
        </div>
    }
}
