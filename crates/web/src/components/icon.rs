//! Icons from the sprite in `index.html`.

use leptos::prelude::*;

/// The icon of that name. It says nothing to a screen reader: the control around it has the label.
pub fn icon(name: &'static str) -> AnyView {
    let href = format!("#icon-{name}");
    view! { <svg class="icon" aria-hidden="true"><use_ href=href></use_></svg> }.into_any()
}
