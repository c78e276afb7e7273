//! A native `<dialog>`: the browser keeps the focus in it, closes it on Escape and gives the focus back.

use crate::shapes::{act, effect, handle, maybe};
use leptos::ev::MouseEvent;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// A modal dialog around `children`, which are made anew each time it opens.
#[component]
pub fn Modal(
    /// Whether it is open. Closing it by Escape or a click beside it sets this to false.
    open: RwSignal<bool>,
    /// What it is, for screen readers.
    #[prop(into)]
    label: Signal<String>,
    /// A further class, for its size and place.
    #[prop(default = "")]
    class: &'static str,
    /// What is in it.
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    effect(move || {
        let is_open = open.get();
        // After the content was drawn, so that the browser finds what to focus.
        request_animation_frame(move || {
            if let Some(dialog) = dialog.try_get_untracked().flatten() {
                match (is_open, dialog.open()) {
                    // An open dialog cannot be opened again; that is the only refusal.
                    (true, false) => drop(dialog.show_modal()),
                    (false, true) => dialog.close(),
                    _ => {}
                }
            }
        });
    });
    view! {
        <dialog
            node_ref=dialog
            class=format!("dialog {class}")
            aria-label=label
            on:close=act(move || open.set(false))
            on:click=handle(move |event: MouseEvent| {
                // The dialog's own area is covered by its content: this is the backdrop.
                let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
                if target.is_some_and(|target| target.tag_name() == "DIALOG") {
                    open.set(false);
                }
            })
        >
            {maybe(move || {
                open.get().then(|| view! { <div class="dialog-body">{children()}</div> })
            })}
        </dialog>
    }
    .into_any()
}
