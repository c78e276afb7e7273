//! The notices at the top right.

use leptos::prelude::*;
use web_sys::Event;

use crate::browser;
use crate::dom::{El, el, icon, icon_button};
use crate::state::toasts::{Toast, Toasts, Tone};

/// At most three notices. A click dismisses one; while the pointer or the focus is on them, none goes by itself.
pub fn toast_list(toasts: RwSignal<Toasts>) -> El {
    let hold = move |held: bool| move |_: Event| toasts.update(|toasts| toasts.hold(held, browser::now()));
    let keys =
        move || toasts.with(|toasts| toasts.shown().iter().map(|toast| u128::from(toast.id)).collect());
    let draw = move |key| {
        let found = toasts.with_untracked(|toasts| {
            toasts.shown().iter().find(|toast| u128::from(toast.id) == key).cloned()
        });
        found.map_or_else(|| el("div"), |toast| notice(&toast, toasts))
    };
    el("div")
        .class("toasts")
        .on("pointerenter", hold(true))
        .on("pointerleave", hold(false))
        .on("focusin", hold(true))
        .on("focusout", hold(false))
        .list(keys, draw)
}

fn notice(toast: &Toast, toasts: RwSignal<Toasts>) -> El {
    let id = toast.id;
    let (class, symbol) = match toast.tone {
        Tone::Error => ("toast error", "alert"),
        Tone::Notice => ("toast", "check"),
    };
    el("div")
        .class(class)
        .attr("role", "alert")
        .child(icon(symbol))
        .child(el("span").attr("dir", "auto").text(&toast.text))
        // For the keyboard; its click is the notice's.
        .child(icon_button("Dismiss", "close"))
        .on_click(move || toasts.update(|toasts| toasts.dismiss(id)))
}
