//! Where one writes; for who has no name yet, also where one gives it.

use leptos::prelude::*;
use shared::messages::MessageText;
use shared::text::Length;
use shared::users::{UserKind, Username};
use web_sys::{Event, HtmlElement, KeyboardEvent};

use crate::browser;
use crate::components::room_form::field_error;
use crate::dom::{El, el, icon};
use crate::reactive::{Debounce, memo};
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
#[derive(Clone, Copy)]
pub struct Composer {
    /// The room's name.
    pub room_name: Memo<String>,
    /// Who one is.
    pub identity: RwSignal<Identity>,
    /// What is written so far. It belongs to the room.
    pub draft: RwSignal<String>,
    /// What is wrong with the name, by the rules or by the server.
    pub name_error: RwSignal<Option<String>>,
    /// Whether the server is being asked for the name.
    pub busy: RwSignal<bool>,
    /// Who types, in a sentence.
    pub typing: Memo<String>,
    /// Something to send.
    pub on_send: Callback<Draft>,
    /// A key changed the text.
    pub on_typing: Callback<()>,
    /// Up in an empty field.
    pub on_edit_last: Callback<()>,
}

impl Composer {
    /// Draws it.
    pub fn view(self) -> El {
        let Self { room_name, identity, draft, name_error, busy, typing, on_send, on_typing, on_edit_last } =
            self;
        let name = RwSignal::new(browser::load(browser::keys::NAME).unwrap_or_default());
        let error = RwSignal::new(None::<String>);
        let kind = memo(move || identity.with(|who| who.user().map_or(UserKind::Guest, |user| user.kind)));
        let needs_name = memo(move || identity.with(|who| *who == Identity::Anonymous));
        let count = memo(move || draft.with(|text| Length::of(text)));
        let limit = move || MessageText::length(kind.get()).max;
        let too_long = memo(move || count.get() > limit());
        let complaint = move || match too_long.get() {
            true => Some(format!("A message can have at most {} characters.", limit())),
            false => error.get(),
        };
        let counter = move || {
            let (count, limit) = (count.get(), limit());
            let class = if count > limit { "counter over" } else { "counter" };
            let shown = count * COUNTER_FROM.1 >= limit * COUNTER_FROM.0;
            shown.then(|| el("span").class(class).text(&format!("{count} / {limit}")))
        };
        let invitation = move || format!("Message {}", room_name.get());
        let field = el("textarea")
            .attr("id", "composer")
            .attr("rows", "1")
            .attr("dir", "auto")
            .attr("enterkeyhint", "send")
            .attr("aria-describedby", "composer-error")
            .live_attr("aria-label", invitation)
            .live_attr("placeholder", invitation)
            .live_flag("aria-invalid", move || complaint().is_some())
            .value(draft);
        let node: HtmlElement = field.cast();
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
            // Focusing what is there cannot fail.
            let _ = node.focus();
        };
        let send_by_key = send.clone();
        let on_keydown = move |event: KeyboardEvent| {
            // 229 is what some browsers report while an input method is composing.
            if event.is_composing() || event.key_code() == 229 {
                return;
            }
            match event.key().as_str() {
                "Enter" if !event.shift_key() && !browser::is_touch() => {
                    event.prevent_default();
                    send_by_key();
                }
                "ArrowUp" if draft.with_untracked(String::is_empty) => {
                    event.prevent_default();
                    on_edit_last.run(());
                }
                _ => {}
            }
        };
        let field = field.on("keydown", on_keydown).on_input(move |text| {
            draft.set(text);
            error.set(None);
            on_typing.run(());
        });
        let button = el("button")
            .attr("type", "submit")
            .class("send")
            .attr("aria-label", "Send")
            .attr("title", "Send")
            .maybe_attr("disabled", move || too_long.get().then(String::new))
            .live_flag("aria-busy", move || busy.get())
            .child(icon("send"));
        let foot = el("div")
            .class("composer-foot")
            .child(el("p").class("typing").attr("aria-live", "polite").live_text(move || typing.get()))
            .child(field_error("composer-error", complaint));
        el("form")
            .class("composer")
            .on_submit(send)
            .part(move || needs_name.get().then(|| name_field(name, name_error)))
            .child(el("div").class("composer-box").child(field).part(counter).child(button))
            .child(foot)
    }
}

fn name_field(name: RwSignal<String>, error: RwSignal<Option<String>>) -> El {
    let debounce = Debounce::idle();
    let check = move || {
        debounce.stop();
        let name = name.get_untracked();
        if !name.trim().is_empty() {
            error.set(Username::parse_guest(&name).err().map(|invalid| invalid.detail));
        }
    };
    let field = el("input")
        .attr("id", "composer-name")
        .class("input")
        .attr("type", "text")
        .attr("autocomplete", "nickname")
        .attr("placeholder", "4 to 20 characters")
        .attr("aria-describedby", "composer-name-error")
        .live_flag("aria-invalid", move || error.with(Option::is_some))
        .value(name)
        .on_input(move |text| {
            name.set(text);
            error.set(None);
            debounce.start(check);
        })
        .on("change", move |_: Event| check());
    el("div")
        .class("composer-name")
        .child(el("label").attr("for", "composer-name").text("What should we call you?"))
        .child(field)
        .child(field_error("composer-name-error", move || error.get()))
}
