//! A segmented control: radio buttons that look like tabs.

use leptos::prelude::*;

/// Radio buttons that look like tabs. The arrow keys change the choice.
#[component]
pub fn SegmentedControl(
    /// What is chosen, for screen readers. It also names the group.
    label: &'static str,
    /// The choices: a number and a label each.
    choices: Vec<(u32, &'static str)>,
    /// The number of the selected choice.
    chosen: RwSignal<u32>,
) -> impl IntoView {
    let first = chosen.get_untracked();
    let choice = move |(place, words)| {
        view! {
            <label class="segment">
                <input
                    class="sr-only"
                    type="radio"
                    name=label
                    prop:checked=place == first
                    on:change=move |_| chosen.set(place)
                />
                {words}
            </label>
        }
        .into_any()
    };
    view! {
        <fieldset class="segmented-control">
            <legend class="sr-only">{label}</legend>
            {choices.into_iter().map(choice).collect_view()}
        </fieldset>
    }
}
