//! What helps with writing: buttons and keys for formatting, a preview, and completion of names and emoji.

use std::sync::Arc;

use leptos::ev::{self, FocusEvent, KeyboardEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::UserId;
use shared::messages::{MessageText, PreviewMessage};
use shared::rooms::{Room, Visibility};
use shared::users::{User, UserKind};

use crate::boxed::{effect, in_next_frame};
use crate::browser::{self, typing};
use crate::client;
use crate::components::icon_button::IconButton;
use crate::components::keys;
use crate::overlays::{EmojiFor, Overlays};
use crate::parts::Tools;
use crate::parts::message_text::formatted;
use crate::state::State;
use crate::state::composing::{Kind, Token, complete, format, token};
use crate::state::emoji::EmojiTable;
use crate::state::shortcuts::{Command, Place};

/// So many things are offered at most.
const MOST_OFFERED: usize = 8;

/// Something that completes what was typed.
#[derive(Clone, PartialEq)]
struct Offer {
    /// What it is called in the list.
    label: String,
    /// More about it.
    note: String,
    /// What is written.
    words: String,
    /// The person, and their name.
    person: Option<(String, UserId)>,
}

/// The buttons, the preview and the list of offers.
#[component]
pub fn ComposerTools(
    /// What the composer and this know of each other.
    tools: Tools,
) -> impl IntoView {
    let state = expect_context::<State>();
    let overlays = expect_context::<Overlays>();
    let Tools { room_id, field, draft, .. } = tools;
    let offers = RwSignal::new(Vec::<Offer>::new());
    let chosen = RwSignal::new(0_usize);
    let found = StoredValue::new(None::<Token>);
    let table = RwSignal::new(None::<Arc<EmojiTable>>);
    let list_id = format!("{}-offers", field.trim_start_matches('#'));

    let look = move || {
        let Some(element) = typing::field(field) else { return };
        let (start, end) = typing::selection(&element);
        let is_written = start == end && typing::has_focus(&element);
        let now = is_written.then(|| token(&element.value(), end)).flatten();
        if now.as_ref().is_some_and(|token| token.kind == Kind::Emoji)
            && table.with_untracked(Option::is_none)
        {
            spawn_local(async move {
                // Without the table no emoji are offered.
                if let Ok(found) = client::emoji::get().await {
                    table.try_set(Some(found));
                }
            });
        }
        let list = now.as_ref().map(|token| offers_for(state, tools, token, table)).unwrap_or_default();
        found.set_value(now);
        if offers.with_untracked(|offers| *offers != list) {
            chosen.set(0);
            offers.set(list);
        }
    };
    // After the field has changed, or what is offered has come.
    effect(move || {
        draft.track();
        table.track();
        state.members.track();
        in_next_frame(look);
    });
    let close = move || offers.set(Vec::new());
    // Another window may have the focus for a while.
    let leave = move |event: FocusEvent| {
        let is_field =
            typing::field(field).is_some_and(|field| event.target().as_ref() == Some(field.as_ref()));
        if is_field && browser::document().has_focus().unwrap_or(true) {
            close();
        }
    };
    let listener = window_event_listener(ev::focusout, leave);
    on_cleanup(move || listener.remove());
    let accept = move |place: usize| {
        let offer = offers.with_untracked(|offers| offers.get(place).cloned());
        if let (Some(offer), Some(token), Some(element)) = (offer, found.get_value(), typing::field(field)) {
            let (_, caret) = typing::selection(&element);
            typing::change(&element, &complete(&token, caret, &offer.words));
            if let Some(person) = offer.person {
                tools.named.update_value(|named| named.push(person));
            }
            close();
        }
    };
    let run = move |command| {
        if let Some(element) = typing::field(field) {
            let (start, end) = typing::selection(&element);
            if let Some(change) = format(&element.value(), start, end, command) {
                typing::change(&element, &change);
            }
        }
    };
    let on_key = move |event: &KeyboardEvent| {
        if keys::is_composing(event) {
            return false;
        }
        if !offers.with_untracked(Vec::is_empty) {
            // The offers may be those of an earlier text: they are computed once a frame.
            look();
        }
        let count = offers.with_untracked(Vec::len);
        let has_modifier = event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key();
        match event.key().as_str() {
            _ if has_modifier || count == 0 => {}
            "ArrowDown" => {
                chosen.update(|place| *place = (*place + 1) % count);
                return true;
            }
            "ArrowUp" => {
                chosen.update(|place| *place = (*place + count - 1) % count);
                return true;
            }
            "Enter" | "Tab" => {
                accept(chosen.get_untracked());
                return true;
            }
            "Escape" => {
                close();
                return true;
            }
            _ => {}
        }
        match keys::command(Place::Composer, event) {
            Some(
                command @ (Command::Bold
                | Command::Italic
                | Command::Strike
                | Command::Code
                | Command::Quote
                | Command::List),
            ) => {
                run(command);
                true
            }
            _ => false,
        }
    };
    tools.on_key.set_value(Some(Arc::new(on_key)));
    on_cleanup(move || drop(tools.on_key.try_set_value(None)));
    // The field is a combobox with the list of offers, which only this part knows.
    let controls = list_id.clone();
    effect(move || {
        let count = offers.with(Vec::len);
        let active = (count > 0).then(|| format!("{controls}-{}", chosen.get()));
        let Some(element) = typing::field(field) else { return };
        let expanded = (count > 0).to_string();
        for (name, value) in [
            ("role", "combobox"),
            ("aria-autocomplete", "list"),
            ("aria-haspopup", "listbox"),
            ("aria-controls", controls.as_str()),
            ("aria-expanded", expanded.as_str()),
        ] {
            // Only refused for malformed names.
            let _ = element.set_attribute(name, value);
        }
        let _ = match active {
            Some(active) => element.set_attribute("aria-activedescendant", &active),
            None => element.remove_attribute("aria-activedescendant"),
        };
    });

    let preview = RwSignal::new(None::<MessagePreviewState>);
    effect(move || {
        draft.track();
        preview.set(None);
    });
    let me = Signal::derive(move || state.identity.with(|identity| identity.user().map(|user| user.id)));
    let toggle_preview = move |()| {
        if preview.with_untracked(Option::is_some) {
            return preview.set(None);
        }
        let kind = state.identity.with_untracked(|it| it.user().map_or(UserKind::Guest, |user| user.kind));
        let text = match MessageText::parse(&draft.get_untracked(), kind) {
            Ok(text) => text,
            Err(invalid) => return preview.set(Some(MessagePreviewState::Plain(invalid.detail))),
        };
        spawn_local(async move {
            let plain = text.as_str().to_owned();
            let shown = match client::messages::preview(
                room_id,
                &PreviewMessage { text, mentions: tools.mentions(&plain) },
            )
            .await
            {
                Ok(answer) => match answer.body {
                    Some(body) => MessagePreviewState::Formatted(body.value().cloned().unwrap_or_default()),
                    None => MessagePreviewState::Plain(plain),
                },
                Err(error) => MessagePreviewState::Plain(error.sentence()),
            };
            preview.try_set(Some(shown));
        });
    };
    let button = move |label: &'static str, class: &'static str, sign: &'static str, command: Command| {
        view! {
            <button
                type="button"
                class=class
                aria-label=label
                title=label
                on:pointerdown=move |event| event.prevent_default()
                on:click=move |_| run(command)
            >
                {sign}
            </button>
        }
        .into_any()
    };
    let option = {
        let list_id = list_id.clone();
        move |(place, offer): (usize, Offer)| {
            view! {
                <li
                    id=format!("{list_id}-{place}")
                    role="option"
                    aria-selected=move || (chosen.get() == place).to_string()
                    on:pointerdown=move |event| event.prevent_default()
                    on:click=move |_| accept(place)
                >
                    <span dir="auto">{offer.label}</span>
                    <span class="offer-note">{offer.note}</span>
                </li>
            }
            .into_any()
        }
    };
    view! {
        <ul id=list_id class="offers" class:on=move || offers.with(|offers| !offers.is_empty()) role="listbox" aria-label="Suggestions">
            {move || offers.get().into_iter().enumerate().map(&option).collect_view()}
        </ul>
        {move || preview.get().map(|shown| {
            let content = match shown {
                MessagePreviewState::Formatted(blocks) => formatted(&blocks, me),
                MessagePreviewState::Plain(text) => view! { <p>{text}</p> }.into_any(),
            };
            view! { <div class="field-preview text formatted" role="status" aria-label="Preview">{content}</div> }
        })}
        <div class="composer-tools" role="toolbar" aria-label="Formatting">
            {button("Bold (Ctrl B)", "tool bold", "B", Command::Bold)}
            {button("Italic (Ctrl I)", "tool italic", "I", Command::Italic)}
            {button("Strike through (Ctrl Shift X)", "tool strike", "S", Command::Strike)}
            {button("Code (Ctrl E)", "tool", "<>", Command::Code)}
            {button("Quote (Ctrl ')", "tool", "❞", Command::Quote)}
            {button("List (Ctrl Shift L)", "tool", "•", Command::List)}
            <IconButton
                label="Insert an emoji"
                icon="smile"
                class="tool"
                on_press=move |()| overlays.pick_emoji(EmojiFor::Text(field))
            />
            <button
                type="button"
                class="tool wide"
                aria-pressed=move || preview.with(Option::is_some).to_string()
                on:pointerdown=move |event| event.prevent_default()
                on:click=move |_| toggle_preview(())
            >
                "Preview"
            </button>
        </div>
    }
}

/// What the preview shows.
#[derive(Clone, PartialEq)]
enum MessagePreviewState {
    Formatted(Vec<shared::formatting::Block>),
    Plain(String),
}

/// What completes a token, the best first.
fn offers_for(
    state: State,
    tools: Tools,
    token: &Token,
    table: RwSignal<Option<Arc<EmojiTable>>>,
) -> Vec<Offer> {
    let query = browser::lower_case(&token.query);
    let mut offers = Vec::new();
    let fits = |name: &str| browser::lower_case(name).contains(&query);
    match token.kind {
        Kind::Person => {
            let mut people: Vec<User> = state
                .members
                .with_untracked(|members| members.all().iter().map(|member| member.user.clone()).collect());
            let me = state.me();
            people.retain(|user| {
                Some(user.id) != me && user.deleted_at.is_none() && fits(user.username.as_str())
            });
            // A name that begins so comes before one that only contains it.
            let (first, then): (Vec<_>, Vec<_>) = people
                .into_iter()
                .partition(|user| browser::lower_case(user.username.as_str()).starts_with(&query));
            for user in first.into_iter().chain(then) {
                let name = user.username.as_str().to_owned();
                let note = if user.kind == UserKind::Guest { "guest" } else { "" };
                let (label, words) = (name.clone(), format!("@{name} "));
                offers.push(Offer { label, note: note.to_owned(), words, person: Some((name, user.id)) });
            }
            if tools.others_to_call(state).is_some() && "everyone".starts_with(&query) {
                let note = "all members".to_owned();
                offers.push(Offer {
                    label: "everyone".to_owned(),
                    note,
                    words: "@everyone ".to_owned(),
                    person: None,
                });
            }
        }
        Kind::Room => state.rooms.with_untracked(|rooms| {
            let is_public = |room: &&Room| room.visibility == Visibility::Public && fits(room.name.as_str());
            let (mine, others): (Vec<_>, Vec<_>) =
                rooms.by_activity().filter(is_public).partition(|room| rooms.is_mine(room));
            let begins = |room: &&Room| browser::lower_case(room.name.as_str()).starts_with(&query);
            for room in [mine, others].into_iter().flat_map(|rooms| {
                let (first, then): (Vec<_>, Vec<_>) = rooms.into_iter().partition(begins);
                first.into_iter().chain(then)
            }) {
                let name = room.name.as_str();
                let words = format!("#[{name}] ");
                offers.push(Offer { label: format!("#{name}"), note: String::new(), words, person: None });
            }
        }),
        Kind::Emoji => table.with_untracked(|table| {
            let found = table.as_ref().map(|table| table.find(&query, MOST_OFFERED)).unwrap_or_default();
            for emoji in found {
                let (label, note) = (emoji.text.clone(), emoji.name().to_owned());
                offers.push(Offer { label, note, words: format!("{} ", emoji.text), person: None });
            }
        }),
    }
    offers.truncate(MOST_OFFERED);
    offers
}

/// Writes an emoji where the caret is.
pub fn insert(field: &'static str, text: &str) {
    if let Some(element) = typing::field(field) {
        let (start, end) = typing::selection(&element);
        let token = Token { kind: Kind::Emoji, query: String::new(), start };
        typing::change(&element, &complete(&token, end, text));
    }
}
