//! A native `<dialog>`: the browser keeps the focus inside, closes it on Escape and restores the focus.

use std::cell::Cell;
use std::rc::Rc;

use leptos::ev::{Event, KeyboardEvent, MouseEvent};
use leptos::html::Dialog;
use leptos::prelude::*;

use crate::boxed::effect;
use crate::browser::typing;
use crate::components::keys::is_composing;

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
    /// Called instead of closing the dialog by Escape or on the backdrop.
    #[prop(default = None)]
    on_leave: Option<Callback<()>>,
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
    let closed = move |_| {
        // It may have been opened again meanwhile.
        if dialog.get_untracked().is_none_or(|dialog| !dialog.open()) {
            open.set(false);
        }
        request_animation_frame(typing::restore_caret);
    };
    let leave = move || match on_leave {
        Some(on_leave) => on_leave.run(()),
        None => open.set(false),
    };
    // Some browsers let only the key itself be refused, and others, such as phones with a Back button, have no key.
    let leave_by_key = move |event: KeyboardEvent| {
        if on_leave.is_some() && event.key() == "Escape" && !is_composing(&event) {
            event.prevent_default();
            leave();
        }
    };
    let leave_by_request = move |event: Event| {
        if on_leave.is_some() && event.target() == event.current_target() {
            event.prevent_default();
            leave();
        }
    };
    let close_on_backdrop = move |event: MouseEvent| {
        // The content covers the dialog's own area, so a click on the dialog itself is one on the backdrop.
        if was_pressed.get() && event.target() == event.current_target() {
            leave();
        }
    };
    view! {
        <dialog
            node_ref=dialog
            class=format!("dialog {class}")
            aria-label=move || label.get()
            on:close=closed
            on:cancel=leave_by_request
            on:keydown=leave_by_key
            on:pointerdown=move |event| pressed.set(event.target() == event.current_target())
            on:click=close_on_backdrop
        >
            <Show when=move || open.get()>
                <div class="dialog-body">{children()}</div>
            </Show>
        </dialog>
    }
}
