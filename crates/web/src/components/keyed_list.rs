//! A list that follows its keys.

use leptos::prelude::*;

/// Draws one child per key. A child stays as long as its key. `<For>` is compiled anew for each pair of closures, and
/// this component only once.
#[component]
pub fn KeyedList(
    /// The keys, each of them once.
    #[prop(into)]
    keys: Signal<Vec<u128>>,
    /// Draws the child of a key.
    #[prop(into)]
    draw: Callback<u128, AnyView>,
) -> impl IntoView {
    view! { <For each=move || keys.get() key=|key| *key children=move |key| draw.run(key) /> }
}
