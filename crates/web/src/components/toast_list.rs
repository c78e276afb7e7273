//! The notices at the top right.

use leptos::prelude::*;

use crate::browser;
use crate::components::icon::Icon;
use crate::components::icon_button::IconButton;
use crate::components::keyed_list::KeyedList;
use crate::state::toasts::{Toast, Toasts, Tone};

/// The notices. A click dismisses a notice. None of them expires while the pointer or the focus is on the list.
#[component]
pub fn ToastList(
    /// The notices.
    toasts: RwSignal<Toasts>,
) -> impl IntoView {
    let hold = move |held: bool| toasts.update(|toasts| toasts.hold(held, browser::now()));
    let keys = Signal::derive(move || {
        toasts.with(|toasts| toasts.shown().iter().map(|toast| u128::from(toast.id)).collect::<Vec<_>>())
    });
    let draw = move |key| {
        let find = |toasts: &Toasts| toasts.shown().iter().find(|toast| u128::from(toast.id) == key).cloned();
        let toast = toasts.with_untracked(find);
        toast.map(|toast| view! { <ToastNotice toast=toast toasts=toasts /> }).into_any()
    };
    view! {
        <div
            class="toasts"
            on:pointerenter=move |_| hold(true)
            on:pointerleave=move |_| hold(false)
            on:focusin=move |_| hold(true)
            on:focusout=move |_| hold(false)
        >
            <KeyedList keys=keys draw=draw />
        </div>
    }
}

#[component]
fn ToastNotice(toast: Toast, toasts: RwSignal<Toasts>) -> impl IntoView {
    let id = toast.id;
    let (class, icon) = match toast.tone {
        Tone::Error => ("toast error", "alert"),
        Tone::Notice => ("toast", "check"),
    };
    view! {
        <div class=class role="alert" on:click=move |_| toasts.update(|toasts| toasts.dismiss(id))>
            <Icon name=icon />
            <span dir="auto">{toast.text}</span>
            // The button makes dismissing possible by keyboard. Its click bubbles to the notice.
            <IconButton label="Dismiss" icon="close" on_press=|()| {} />
        </div>
    }
}
