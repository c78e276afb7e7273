//! Chooses an emoji: a few at hand, a search, and all of them in groups.

use std::sync::Arc;

use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::boxed::{effect, memo};
use crate::browser::{self, keys};
use crate::client;
use crate::components::keys::is_composing;
use crate::components::modal::Modal;
use crate::overlays::{EmojiFor, Overlays};
use crate::parts::composer_tools::insert;
use crate::reacting;
use crate::state::State;
use crate::state::emoji::{Emoji, EmojiTable, quick, used};

/// So many emoji stand in a row.
const COLUMNS: usize = 8;
/// So many are found at most.
const MOST_FOUND: usize = 80;

/// The dialog.
#[component]
pub fn EmojiPicker() -> impl IntoView {
    let state = expect_context::<State>();
    let overlays = expect_context::<Overlays>();
    let choose = Callback::new(move |emoji: String| {
        overlays.emoji.set(false);
        let kept = browser::load(keys::EMOJI).unwrap_or_default();
        browser::save(keys::EMOJI, &used(&kept, &emoji));
        match overlays.emoji_for.get_untracked() {
            Some(EmojiFor::Reaction(room_id, id)) => reacting::react(state, room_id, id, emoji, true),
            Some(EmojiFor::Text(field)) => {
                // The closed dialog restores the focus first.
                request_animation_frame(move || insert(field, &emoji));
            }
            None => {}
        }
    });
    view! {
        <Modal open=overlays.emoji label="Choose an emoji" class="emoji-picker">
            <Choices on_choose=choose />
        </Modal>
    }
}

#[component]
fn Choices(on_choose: Callback<String>) -> impl IntoView {
    let table = RwSignal::new(None::<Arc<EmojiTable>>);
    let failure = RwSignal::new(None::<String>);
    spawn_local(async move {
        match client::emoji::get().await {
            Ok(found) => drop(table.try_set(Some(found))),
            Err(error) => drop(failure.try_set(Some(error.sentence()))),
        }
    });
    let query = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    effect(move || {
        query.track();
        chosen.set(0);
    });
    let groups = memo(move || {
        let Some(table) = table.get() else { return Vec::new() };
        match query.with(|query| query.trim().is_empty()) {
            true => table.groups.clone(),
            false => vec![("Found".to_owned(), query.with(|query| table.find(query, MOST_FOUND)))],
        }
    });
    let count =
        move || groups.with_untracked(|groups| groups.iter().map(|(_, group)| group.len()).sum::<usize>());
    let mark = move |place: usize, value: &str| {
        if let Some(option) = browser::find(&format!("#emoji-{place}")) {
            // Only refused for a malformed name.
            let _ = option.set_attribute("aria-selected", value);
            option.scroll_into_view_with_scroll_into_view_options(&nearest());
        }
    };
    let move_to = move |place: usize| {
        mark(chosen.get_untracked(), "false");
        chosen.set(place);
        mark(place, "true");
    };
    let on_keydown = move |event: KeyboardEvent| {
        let (place, count) = (chosen.get_untracked(), count());
        if is_composing(&event) || count == 0 {
            return;
        }
        match event.key().as_str() {
            "ArrowDown" => move_to((place + COLUMNS).min(count - 1)),
            "ArrowUp" => move_to(place.saturating_sub(COLUMNS)),
            "ArrowRight" => move_to((place + 1).min(count - 1)),
            "ArrowLeft" => move_to(place.saturating_sub(1)),
            "Enter" => {
                let option = browser::find(&format!("#emoji-{place}"));
                if let Some(emoji) = option.and_then(|option| option.text_content()) {
                    on_choose.run(emoji);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    // One listener for all of them.
    let on_click = move |event: MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let option = target.and_then(|target| target.closest("[role=option]").ok().flatten());
        if let Some(emoji) = option.and_then(|option| option.text_content()) {
            on_choose.run(emoji);
        }
    };
    let list = move || {
        let mut place = 0;
        let mut option = move |emoji: Emoji| {
            let (id, label) = (format!("emoji-{place}"), emoji.words());
            let is_first = (place == 0).to_string();
            place += 1;
            view! {
                <li id=id role="option" aria-selected=is_first aria-label=label.clone() title=label>
                    {emoji.text}
                </li>
            }
            .into_any()
        };
        let group = |(name, group): (String, Vec<Emoji>)| {
            let options = group.into_iter().map(&mut option).collect_view();
            view! {
                <ul role="group" aria-label=name.clone()>
                    <li class="emoji-group" role="presentation">{name.clone()}</li>
                    {options}
                </ul>
            }
            .into_any()
        };
        groups.get().into_iter().map(group).collect_view()
    };
    let note = move || match (table.get().is_some(), failure.get()) {
        (_, Some(failure)) => failure,
        (false, None) => "Loading…".to_owned(),
        (true, None) if groups.with(|groups| groups.iter().all(|(_, group)| group.is_empty())) => {
            "No emoji is called that.".to_owned()
        }
        _ => String::new(),
    };
    let at_hand = quick(&browser::load(keys::EMOJI).unwrap_or_default());
    let at_hand = at_hand.into_iter().map(|emoji| {
        let text = emoji.clone();
        let choose = move |_| on_choose.run(emoji.clone());
        view! { <button type="button" class="emoji-quick emoji" on:click=choose>{text}</button> }.into_any()
    });
    view! {
        <div class="emoji-row" role="group" aria-label="Used last">
            {at_hand.collect_view()}
        </div>
        <input
            class="input"
            type="text"
            role="combobox"
            aria-label="Find an emoji"
            aria-expanded="true"
            aria-controls="emoji-options"
            aria-activedescendant=move || {
                groups.with(|groups| groups.iter().any(|(_, group)| !group.is_empty())).then(|| format!("emoji-{}", chosen.get()))
            }
            autocomplete="off"
            autofocus=true
            placeholder="Find an emoji"
            bind:value=query
            on:keydown=on_keydown
        />
        <div id="emoji-options" class="emoji-list emoji" role="listbox" aria-label="Emoji" tabindex="-1" on:click=on_click>
            {move || list()}
        </div>
        <p class="switcher-none" role="status">{move || note()}</p>
    }
}

fn nearest() -> web_sys::ScrollIntoViewOptions {
    let options = web_sys::ScrollIntoViewOptions::new();
    options.set_block(web_sys::ScrollLogicalPosition::Nearest);
    options
}
