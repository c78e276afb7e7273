//! Where one writes; for who has no name yet, also where one gives it.

use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html;
use leptos::prelude::*;
use shared::messages::MessageText;
use shared::text::Length;
use shared::users::{UserKind, Username};

use crate::browser;
use crate::components::icon::icon;
use crate::shapes::{act, handle, maybe, memo, text};
use crate::state::Identity;

/// From this part of the limit on, the counter is shown.
const COUNTER_FROM: (usize, usize) = (4, 5);

/// What one wants to send.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The text, checked.
    pub text: MessageText,
    /// The name, from who had none.
    pub name: Option<Username>,
}

/// The composer of a room.
#[component]
pub fn Composer(
    /// The room's name.
    #[prop(into)]
    room_name: Signal<String>,
    /// Who one is.
    identity: RwSignal<Identity>,
    /// What is written so far. It belongs to the room.
    draft: RwSignal<String>,
    /// What the server had against the name.
    name_error: RwSignal<Option<String>>,
    /// Whether the server is being asked for the name.
    #[prop(into)]
    busy: Signal<bool>,
    /// Who types, in a sentence.
    #[prop(into)]
    typing: Signal<String>,
    /// Something to send.
    on_send: Callback<Draft>,
    /// A key changed the text.
    on_typing: Callback<()>,
    /// Up in an empty field.
    on_edit_last: Callback<()>,
) -> impl IntoView {
    let name = RwSignal::new(browser::load(browser::keys::NAME).unwrap_or_default());
    let error = RwSignal::new(None::<String>);
    let field = NodeRef::<html::Textarea>::new();
    let kind = memo(move || identity.with(|who| who.user().map_or(UserKind::Guest, |user| user.kind)));
    let needs_name = memo(move || identity.with(|who| *who == Identity::Anonymous));

    let count = memo(move || draft.with(|text| Length::of(text)));
    let limit = move || MessageText::length(kind.get()).max;
    let too_long = memo(move || count.get() > limit());
    let counter = maybe(move || {
        let (count, limit) = (count.get(), limit());
        let shown = count * COUNTER_FROM.1 >= limit * COUNTER_FROM.0;
        shown.then(|| {
            let over = count > limit;
            view! { <span class="counter" class:over=over>{format!("{count} / {limit}")}</span> }
        })
    });
    let complaint = move || match too_long.get() {
        true => Some(format!("A message can have at most {} characters.", limit())),
        false => error.get(),
    };

    let send = move || {
        if busy.get_untracked() || too_long.get_untracked() {
            return;
        }
        let given = needs_name.get_untracked().then(|| Username::parse_guest(&name.get_untracked()));
        let given = match given.transpose() {
            Ok(given) => given,
            Err(invalid) => {
                name_error.set(Some(invalid.detail));
                return browser::focus("#composer-name");
            }
        };
        match MessageText::parse(&draft.get_untracked(), kind.get_untracked()) {
            Ok(text) => {
                error.set(None);
                on_send.run(Draft { text, name: given });
            }
            Err(invalid) => error.set(Some(invalid.detail)),
        }
        if let Some(field) = field.get_untracked() {
            // Focusing what is there cannot fail.
            let _ = field.focus();
        }
    };
    let on_keydown = move |event: KeyboardEvent| {
        // 229 is what some browsers report while an input method is composing.
        if event.is_composing() || event.key_code() == 229 {
            return;
        }
        match event.key().as_str() {
            "Enter" if !event.shift_key() && !browser::is_touch() => {
                event.prevent_default();
                send();
            }
            "ArrowUp" if draft.with_untracked(String::is_empty) => {
                event.prevent_default();
                on_edit_last.run(());
            }
            _ => {}
        }
    };
    let name_field = maybe(move || {
        needs_name.get().then(|| {
            view! {
                <div class="composer-name">
                    <label for="composer-name">"What should we call you?"</label>
                    <input
                        id="composer-name"
                        class="input"
                        type="text"
                        autocomplete="nickname"
                        placeholder="4 to 20 characters"
                        aria-invalid=text(move || name_error.with(Option::is_some).to_string())
                        aria-describedby="composer-name-error"
                        prop:value=name
                        on:input=handle(move |event| {
                            name.set(event_target_value(&event));
                            name_error.set(None);
                        })
                        on:change=act(move || {
                            let name = name.get_untracked();
                            if !name.trim().is_empty() {
                                name_error.set(Username::parse_guest(&name).err().map(|invalid| invalid.detail));
                            }
                        })
                    />
                    <p class="field-error" id="composer-name-error" role="alert">{text(move || name_error.get().unwrap_or_default())}</p>
                </div>
            }
        })
    });
    view! {
        <form
            class="composer"
            on:submit=handle(move |event: SubmitEvent| {
                event.prevent_default();
                send();
            })
        >
            {name_field}
            <div class="composer-box">
                <textarea
                    node_ref=field
                    id="composer"
                    rows="1"
                    dir="auto"
                    enterkeyhint="send"
                    aria-label=text(move || format!("Message {}", room_name.get()))
                    placeholder=text(move || format!("Message {}", room_name.get()))
                    aria-invalid=text(move || complaint().is_some().to_string())
                    aria-describedby="composer-error"
                    prop:value=draft
                    on:input=handle(move |event| {
                        draft.set(event_target_value(&event));
                        error.set(None);
                        on_typing.run(());
                    })
                    on:keydown=handle(on_keydown)
                ></textarea>
                {counter}
                <button
                    type="submit"
                    class="send"
                    aria-label="Send"
                    title="Send"
                    disabled=too_long
                    aria-busy=text(move || busy.get().to_string())
                >
                    {icon("send")}
                </button>
            </div>
            <div class="composer-foot">
                <p class="typing" aria-live="polite">{typing}</p>
                <p class="field-error" id="composer-error" role="alert">{text(move || complaint().unwrap_or_default())}</p>
            </div>
        </form>
    }
    .into_any()
}
