//! The place from which a screen reader says what others write.

use leptos::prelude::*;

use crate::state::news::News;

/// An invisible region that gets a line for each new message of somebody else.
#[component]
pub fn NewsRegion(
    /// The lines.
    news: RwSignal<News>,
) -> impl IntoView {
    view! {
        <div id="news" class="sr-only" aria-live="polite" aria-relevant="additions">
            <For
                each=move || news.with(|news| news.lines().to_vec())
                key=|line| u128::from(line.0.0.unsigned_abs())
                children=|line| view! { <p>{line.1}</p> }
            />
        </div>
    }
}
