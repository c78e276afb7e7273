//! A secret that is shown once: a link or a token, with a button that copies it.

use leptos::ev::FocusEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::browser;

fn select(event: FocusEvent) {
    event_target::<web_sys::HtmlInputElement>(&event).select();
}

/// The secret, while there is one.
#[component]
pub fn SecretField(
    /// What it is called.
    #[prop(into)]
    label: Signal<String>,
    /// What to do with it, in a sentence.
    words: &'static str,
    /// The secret.
    secret: RwSignal<Option<String>>,
) -> impl IntoView {
    let draw = move || {
        secret.get().map(|text| {
            let copied = RwSignal::new(false);
            let copy = text.clone();
            let on_copy = move |_| {
                let text = copy.clone();
                spawn_local(async move {
                    let is_copied = browser::copy(&text).await;
                    copied.try_set(is_copied);
                    if !is_copied {
                        // The user copies what is selected.
                        browser::focus("#secret");
                    }
                });
            };
            view! {
                <div class="secret" role="status">
                    <label for="secret">{move || label.get()}</label>
                    <div class="secret-row">
                        <input
                            id="secret"
                            class="input"
                            type="text"
                            readonly=true
                            autocomplete="off"
                            value=text
                            on:focus=select
                        />
                        <button type="button" class="button" on:click=on_copy>
                            {move || if copied.get() { "Copied" } else { "Copy" }}
                        </button>
                    </div>
                    <p>{words}</p>
                </div>
            }
        })
    };
    view! { {move || draw()} }
}
