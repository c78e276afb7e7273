//! The notices at the top right.

use leptos::prelude::*;

use crate::browser;
use crate::components::icon::icon;
use crate::shapes::{act, each};
use crate::state::toasts::{Toast, Toasts, Tone};

/// At most three notices. A click dismisses one; while the pointer or the focus is on them, none goes by itself.
#[component]
pub fn ToastList(
    /// The notices.
    toasts: RwSignal<Toasts>,
) -> impl IntoView {
    let hold = move |held: bool| toasts.update(|toasts| toasts.hold(held, browser::now()));
    let keys =
        move || toasts.with(|toasts| toasts.shown().iter().map(|toast| u128::from(toast.id)).collect());
    let draw = move |id| {
        toasts.with_untracked(|all| {
            let found = all.shown().iter().find(|toast| u128::from(toast.id) == id);
            found.map_or_else(|| ().into_any(), |toast| notice(toast, toasts))
        })
    };
    view! {
        <div
            class="toasts"
            on:pointerenter=act(move || hold(true))
            on:pointerleave=act(move || hold(false))
            on:focusin=act(move || hold(true))
            on:focusout=act(move || hold(false))
        >
            {each(keys, draw)}
        </div>
    }
    .into_any()
}

fn notice(toast: &Toast, toasts: RwSignal<Toasts>) -> AnyView {
    let id = toast.id;
    let (class, symbol) = match toast.tone {
        Tone::Error => ("toast error", "alert"),
        Tone::Notice => ("toast", "check"),
    };
    view! {
        <div class=class role="alert" on:click=act(move || toasts.update(|toasts| toasts.dismiss(id)))>
            {icon(symbol)}
            <span dir="auto">{toast.text.clone()}</span>
            // For the keyboard; its click is the notice's.
            <button type="button" class="icon-button" aria-label="Dismiss">{icon("close")}</button>
        </div>
    }
    .into_any()
}
