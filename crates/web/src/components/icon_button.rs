//! A button that shows only an icon.

use leptos::prelude::*;

use crate::components::icon::Icon;

/// A button with an icon. The label is its name for screen readers and its tooltip.
#[component]
pub fn IconButton(
    /// What the button does.
    label: &'static str,
    /// The icon's name.
    icon: &'static str,
    /// Its classes.
    #[prop(default = "icon-button")]
    class: &'static str,
    /// Called on a click.
    #[prop(into)]
    on_press: Callback<()>,
) -> impl IntoView {
    view! {
        <button type="button" class=class aria-label=label title=label on:click=move |_| on_press.run(())>
            <Icon name=icon />
        </button>
    }
}
