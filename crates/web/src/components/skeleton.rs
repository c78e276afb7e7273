//! Gray bars in the place of content that is loading.

use leptos::prelude::*;

/// Some bars. Screen readers do not see them.
#[component]
pub fn Skeleton(
    /// The class that arranges the bars.
    class: &'static str,
    /// How many bars there are.
    bars: usize,
) -> impl IntoView {
    view! {
        <div class=class aria-hidden="true">
            {(0..bars).map(|_| view! { <i></i> }).collect_view()}
        </div>
    }
}
