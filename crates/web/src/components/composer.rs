//! The field for new messages, with their files. Newcomers also enter their name here.

use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html::Textarea;
use leptos::prelude::*;
use shared::messages::MessageText;
use shared::text::Length;
use shared::users::{UserKind, Username};

use crate::boxed::{effect, memo};
use crate::browser;
use crate::components::field_error::FieldError;
use crate::components::icon::Icon;
use crate::components::icon_button::IconButton;
use crate::components::keys;
use crate::components::name_field::NameField;
use crate::parts::{DraftFacts, Tools};
use crate::state::Identity;
use crate::state::sending_rules::time_left;
use crate::state::shortcuts::{Command, Place};

/// The counter is shown from this part of the limit on: four fifths.
const COUNTER_FROM: (usize, usize) = (4, 5);

/// Why a message with a file that could not be uploaded is not sent.
const BLOCKED: &str = "A file could not be uploaded. Try it again, or remove it.";
/// What becomes of a message whose files are on their way.
const SENDS_LATER: &str = "The message will be sent when its files are uploaded.";

/// A message that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The valid text. With files it may be empty.
    pub text: MessageText,
    /// The valid name, from a user who has none yet.
    pub name: Option<Username>,
}

/// Why nothing can be written, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Why, in a sentence.
    pub words: String,
    /// The label of the button that leads to an account, if that would help.
    pub action: Option<&'static str>,
}

/// The composer of a room.
#[component]
pub fn Composer(
    /// The id of the field.
    id: &'static str,
    /// What is written here, in words.
    label: Signal<String>,
    /// The user.
    identity: RwSignal<Identity>,
    /// The text so far. It is stored per room.
    draft: RwSignal<String>,
    /// The files of the message, and what is wrong with it, apart from its length.
    files: DraftFacts,
    /// Whether the user may upload files.
    may_attach: Memo<bool>,
    /// What is wrong with the name, by the rules or by the server.
    name_error: RwSignal<Option<String>>,
    /// Whether the request for the name is in flight.
    busy: RwSignal<bool>,
    /// Who is typing, in a sentence.
    typing: Memo<String>,
    /// Why nothing can be written. The field gives way to it.
    closed: Memo<Option<Closed>>,
    /// For how many seconds slow mode makes the user wait; 0 if it does not.
    wait: Memo<i64>,
    /// The files and what adds them.
    file_list: AnyView,
    /// What stands above the field.
    top: AnyView,
    /// What helps with writing.
    bar: AnyView,
    /// What handles keys first.
    tools: Tools,
    /// Called by Escape.
    on_cancel: Callback<()>,
    /// Called to send a message.
    on_send: Callback<Draft>,
    /// Called when the text was changed by a key.
    on_typing: Callback<()>,
    /// Called by a newcomer who has an account.
    on_sign_in: Callback<()>,
    /// Called to create an account.
    on_sign_up: Callback<()>,
    /// Called to edit the user's last message: by the Up key in an empty field.
    on_edit_last: Callback<()>,
) -> impl IntoView {
    let name = RwSignal::new(browser::guest_name());
    let DraftFacts { wants_files, error, is_uploading, is_blocked, stored } = files;
    // Whether the message is sent as soon as its files are uploaded.
    let sends_later = RwSignal::new(false);
    let field = NodeRef::<Textarea>::new();
    let kind =
        memo(move || identity.with(|identity| identity.user().map_or(UserKind::Guest, |user| user.kind)));
    let is_open = memo(move || closed.with(Option::is_none));
    let needs_name = memo(move || identity.with(|identity| *identity == Identity::Anonymous));
    let length = memo(move || draft.with(|text| Length::of(text)));
    let limit = memo(move || MessageText::length(kind.get()).max);
    let too_long = memo(move || length.get() > limit.get());
    let shown_error = Signal::derive(move || match too_long.get() {
        true => Some(format!("A message can have at most {} characters.", limit.get())),
        false => error.get(),
    });

    let send = move || {
        if busy.get_untracked() || too_long.get_untracked() || wait.get_untracked() > 0 {
            return;
        }
        let given_name = needs_name.get_untracked().then(|| Username::parse_guest(&name.get_untracked()));
        let given_name = match given_name.transpose() {
            Ok(given_name) => given_name,
            Err(invalid) => {
                name_error.set(Some(invalid.detail));
                return browser::focus("#composer-name");
            }
        };
        if is_blocked.get_untracked() {
            return error.set(Some(BLOCKED.to_owned()));
        }
        if is_uploading.get_untracked() {
            browser::announce(Some(SENDS_LATER));
            return sends_later.set(true);
        }
        let parse = match stored.with_untracked(Vec::is_empty) {
            true => MessageText::parse,
            false => MessageText::parse_beside_files,
        };
        match parse(&draft.get_untracked(), kind.get_untracked()) {
            Ok(text) => {
                error.set(None);
                on_send.run(Draft { text, name: given_name });
            }
            Err(invalid) => error.set(Some(invalid.detail)),
        }
        if let Some(field) = field.get_untracked() {
            // Focusing an element of the page cannot fail.
            let _ = field.focus();
        }
    };
    effect(move || {
        let is_blocked = is_blocked.get();
        if !is_blocked && error.with_untracked(|error| error.as_deref() == Some(BLOCKED)) {
            error.set(None);
        }
        if (is_blocked || !is_uploading.get()) && sends_later.get_untracked() {
            sends_later.set(false);
            // Without its files the message is another.
            if is_blocked || !stored.with_untracked(Vec::is_empty) {
                untrack(send);
            }
        }
    });
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let on_keydown = move |event: KeyboardEvent| {
        if tools.take_key(&event) {
            return;
        }
        match keys::command(Place::Composer, &event) {
            Some(Command::Send) if !browser::is_touch() || event.ctrl_key() || event.meta_key() => send(),
            // Menus close by the same key.
            Some(Command::Cancel) => return on_cancel.run(()),
            Some(Command::EditLast) if draft.with_untracked(String::is_empty) => on_edit_last.run(()),
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <form class="composer" on:submit=on_submit>
            <Show when=move || needs_name.get() && is_open.get()>
                <NameField name=name error=name_error on_sign_in=on_sign_in />
            </Show>
            <ClosedNote closed=closed on_sign_up=on_sign_up />
            {top}
            <div class="composer-box" hidden=move || !is_open.get()>
                {file_list}
                <Show when=move || may_attach.get()>
                    <IconButton
                        label="Attach files"
                        icon="clip"
                        class="icon-button attach"
                        on_press=move |()| wants_files.set(true)
                    />
                </Show>
                <textarea
                    node_ref=field
                    id=id
                    rows="1"
                    dir="auto"
                    // On touch screens the key begins a new line, and the button sends.
                    enterkeyhint=if browser::is_touch() { "enter" } else { "send" }
                    aria-describedby=format!("{id}-error")
                    aria-label=move || label.get()
                    placeholder=move || label.get()
                    aria-invalid=move || shown_error.with(Option::is_some).to_string()
                    bind:value=draft
                    on:keydown=on_keydown
                    on:input=move |_| {
                        error.set(None);
                        sends_later.set(false);
                        on_typing.run(());
                    }
                ></textarea>
                <Counter length=length limit=limit />
                <button
                    type="submit"
                    class="send"
                    aria-label="Send"
                    title="Send"
                    disabled=move || { too_long.get() || wait.get() > 0 }
                    aria-busy=move || busy.get().to_string()
                >
                    <Icon name="send" />
                </button>
            </div>
            <div class="composer-foot">
                {bar}
                <p class="typing">
                    {move || typing.get()}
                </p>
                <p class="composer-wait">
                    {move || match wait.get() {
                        1.. => format!("Slow mode: {}", time_left(wait.get())),
                        _ if sends_later.get() => SENDS_LATER.to_owned(),
                        _ => String::new(),
                    }}
                </p>
                <FieldError id=format!("{id}-error") error=shown_error />
            </div>
        </form>
    }
}

#[component]
fn ClosedNote(closed: Memo<Option<Closed>>, on_sign_up: Callback<()>) -> impl IntoView {
    let words =
        memo(move || closed.with(|closed| closed.as_ref().map(|it| it.words.clone()).unwrap_or_default()));
    let action = move || closed.with(|closed| closed.as_ref().and_then(|it| it.action));
    view! {
        <div class="composer-closed" class:on=move || closed.with(Option::is_some)>
            <p class="composer-note" role="status">{move || words.get()}</p>
            <Show when=move || action().is_some()>
                <button type="button" class="button small" on:click=move |_| on_sign_up.run(())>
                    {move || action()}
                </button>
            </Show>
        </div>
    }
}

/// How much of the limit is used, when that is a lot.
#[component]
fn Counter(length: Memo<usize>, limit: Memo<usize>) -> impl IntoView {
    let is_shown = move || length.get() * COUNTER_FROM.1 >= limit.get() * COUNTER_FROM.0;
    view! {
        <Show when=is_shown>
            <span class="counter" class:over=move || { length.get() > limit.get() }>
                {move || format!("{} / {}", length.get(), limit.get())}
            </span>
        </Show>
    }
}
