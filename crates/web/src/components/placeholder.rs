//! The words in the place of a list that is empty or could not be loaded.

use leptos::prelude::*;

/// A title, a sentence, and possibly a button as its child.
#[component]
pub fn Placeholder(
    /// The title.
    title: &'static str,
    /// What to do, in a sentence.
    #[prop(into)]
    text: String,
    /// A button.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <h2>{title}</h2>
            <p>{text}</p>
            {children.map(|children| children())}
        </div>
    }
}
