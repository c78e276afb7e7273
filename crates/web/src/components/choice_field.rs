//! A field whose value is one of a few.

use leptos::prelude::*;

/// A value and what it is called.
pub type Choice = (String, String);

/// The choices of a list of constants.
pub fn choices(list: &[(&str, &str)]) -> Vec<Choice> {
    list.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect()
}

/// A list to choose from.
#[component]
pub fn ChoiceField(
    /// The field's id.
    id: &'static str,
    /// What it is for.
    label: &'static str,
    /// What there is to choose from.
    choices: Vec<Choice>,
    /// The value that is chosen.
    value: RwSignal<String>,
    /// The hint below the field.
    #[prop(default = "")]
    hint: &'static str,
) -> impl IntoView {
    let chosen = value.get_untracked();
    let option = |(name, words): Choice| {
        let is_chosen = name == chosen;
        view! {
            <option value=name selected=is_chosen>
                {words}
            </option>
        }
        .into_any()
    };
    let hint_id = format!("{id}-hint");
    view! {
        <div class="form-field">
            <label for=id>{label}</label>
            <select
                id=id
                class="input"
                aria-describedby=hint_id.clone()
                on:change=move |event| value.set(event_target_value(&event))
            >
                {choices.into_iter().map(option).collect_view()}
            </select>
            <p class="form-hint" id=hint_id>{hint}</p>
        </div>
    }
}
