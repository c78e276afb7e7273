//! A native `<dialog>`: the browser keeps the focus in it, closes it on Escape and gives the focus back.

use leptos::prelude::*;
use web_sys::{Event, HtmlDialogElement, MouseEvent};

use crate::dom::{El, el};
use crate::reactive::effect;

/// A modal dialog.
pub struct Modal {
    /// Whether it is open. Closing it by Escape or a click beside it sets this to false.
    pub open: RwSignal<bool>,
    /// What it is, for screen readers.
    pub label: Signal<String>,
    /// A further class, for its size and place.
    pub class: &'static str,
}

impl Modal {
    /// The dialog around `content`, which is made anew each time it opens.
    pub fn view(self, content: impl Fn() -> Vec<El> + 'static) -> El {
        let Self { open, label, class } = self;
        let dialog = el("dialog")
            .class(&format!("dialog {class}"))
            .live_attr("aria-label", move || label.get())
            .on("close", move |_: Event| open.set(false))
            .part(move || open.get().then(|| el("div").class("dialog-body").children(content())));
        let node = dialog.node().clone();
        let dialog = dialog.on("click", move |event: MouseEvent| {
            // The dialog's own area is covered by its content: this is the backdrop.
            if event.target().as_ref() == Some(&node) {
                open.set(false);
            }
        });
        let node: HtmlDialogElement = dialog.cast();
        effect(move || match (open.get(), node.open()) {
            // An open dialog cannot be opened again; that is the only refusal.
            (true, false) => drop(node.show_modal()),
            (false, true) => node.close(),
            _ => {}
        });
        dialog
    }
}
