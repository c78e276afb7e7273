//! The theme.

use leptos::prelude::*;

use crate::browser::{self, keys};

/// The stored value and the label of each theme.
const THEMES: [(&str, &str); 3] = [("", "Same as the system"), ("light", "Light"), ("dark", "Dark")];

/// The choice of a theme, which holds at once.
#[component]
pub fn Appearance() -> impl IntoView {
    view! {
        <fieldset class="setting">
            <legend>"Theme"</legend>
            {THEMES.map(|(value, label)| view! { <ThemeChoice value=value label=label /> }).collect_view()}
        </fieldset>
    }
}

#[component]
fn ThemeChoice(value: &'static str, label: &'static str) -> impl IntoView {
    let is_chosen = browser::load(keys::THEME).unwrap_or_default() == value;
    let choose = move |_| {
        browser::save(keys::THEME, value);
        if let Some(root) = browser::document().document_element() {
            // Only refused for a malformed name.
            let _ = root.set_attribute("data-theme", value);
        }
    };
    view! {
        <label class="choice">
            <input type="radio" name="theme" prop:checked=is_chosen on:change=choose />
            {label}
        </label>
    }
}
