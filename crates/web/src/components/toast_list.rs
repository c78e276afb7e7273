//! The notices at the top right.

use leptos::prelude::*;

use crate::browser;
use crate::components::icon::icon;
use crate::state::toasts::{Toasts, Tone};

/// At most three notices. A click dismisses one; while the pointer or the focus is on them, none goes by itself.
#[component]
pub fn ToastList(
    /// The notices.
    toasts: RwSignal<Toasts>,
) -> impl IntoView {
    let hold = move |held: bool| toasts.update(|toasts| toasts.hold(held, browser::now()));
    view! {
        <div
            class="toasts"
            on:pointerenter=move |_| hold(true)
            on:pointerleave=move |_| hold(false)
            on:focusin=move |_| hold(true)
            on:focusout=move |_| hold(false)
        >
            <For each=move || toasts.with(|toasts| toasts.shown().to_vec()) key=|toast| toast.id let:toast>
                <div class="toast" role="alert" class:error=toast.tone == Tone::Error>
                    {icon(if toast.tone == Tone::Error { "alert" } else { "check" })}
                    <span dir="auto">{toast.text}</span>
                    <button
                        type="button"
                        class="icon-button"
                        aria-label="Dismiss"
                        on:click=move |_| toasts.update(|toasts| toasts.dismiss(toast.id))
                    >
                        {icon("close")}
                    </button>
                </div>
            </For>
        </div>
    }
    .into_any()
}
