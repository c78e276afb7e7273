//! A native `<dialog>`: the browser keeps the focus inside, closes it on Escape and restores the focus.

use std::cell::Cell;
use std::rc::Rc;

use leptos::html::Dialog;
use leptos::prelude::*;

use crate::boxed::effect;

/// A modal dialog. Its children are rendered anew each time it opens.
#[component]
pub fn Modal(
    /// Whether the dialog is open. Escape and a click on the backdrop set it to false.
    open: RwSignal<bool>,
    /// The dialog's name for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// A class for its size and place.
    class: &'static str,
    /// The content.
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    effect(move || {
        let Some(dialog) = dialog.get() else { return };
        match (open.get(), dialog.open()) {
            // Only refused for a dialog that is open already.
            (true, false) => drop(dialog.show_modal()),
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    // A selection of text may end on the backdrop, and is then a click on it.
    let pressed = Rc::new(Cell::new(false));
    let was_pressed = pressed.clone();
    let close_on_backdrop = move |event: leptos::ev::MouseEvent| {
        // The content covers the dialog's own area, so a click on the dialog itself is one on the backdrop.
        if was_pressed.get() && event.target() == event.current_target() {
            open.set(false);
        }
    };
    view! {
        <dialog
            node_ref=dialog
            class=format!("dialog {class}")
            aria-label=move || label.get()
            on:close=move |_| open.set(false)
            on:pointerdown=move |event| pressed.set(event.target() == event.current_target())
            on:click=close_on_backdrop
        >
            <Show when=move || open.get()>
                <div class="dialog-body">{children()}</div>
            </Show>
        </dialog>
    }
}
