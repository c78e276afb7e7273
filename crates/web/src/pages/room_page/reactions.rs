//! The reactions below a message.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::MessageId;
use shared::members::Operation;

use crate::boxed::{effect, memo};
use crate::client;
use crate::components::icon_button::IconButton;
use crate::components::keyed_list::KeyedList;
use crate::overlays::EmojiFor;
use crate::pages::room_page::context::RoomContext;
use crate::reacting;
use crate::state::reactions::{Chip, ENOUGH_NAMES, who_reacted};
use crate::state::rows::MessageRow;

/// A button for each emoji, and one that adds another.
#[component]
pub fn MessageReactions(
    /// The message as it is now.
    row: RwSignal<MessageRow>,
) -> impl IntoView {
    let room = expect_context::<RoomContext>();
    let id = row.with_untracked(|row| row.message.id);
    let may_react = memo(move || room.may(Operation::React));
    let add = move |()| room.overlays.pick_emoji(EmojiFor::Reaction(room.room_id, id));
    let keys = memo(move || {
        row.with(|row| row.beside.chips.iter().map(|chip| key(&chip.emoji)).collect::<Vec<_>>())
    });
    let draw = move |wanted| {
        let find =
            move |row: &MessageRow| row.beside.chips.iter().find(|chip| key(&chip.emoji) == wanted).cloned();
        match row.with_untracked(find) {
            Some(first) => view! { <ReactionChip first=first row=row may_react=may_react /> }.into_any(),
            None => ().into_any(),
        }
    };
    view! {
        <div class="reactions" role="group" aria-label="Reactions">
            <KeyedList keys=keys draw=draw />
            <Show when=move || may_react.get()>
                <IconButton
                    label="Add another reaction"
                    icon="smile"
                    class="icon-button reaction-more"
                    on_press=add
                />
            </Show>
        </div>
    }
}

#[component]
fn ReactionChip(first: Chip, row: RwSignal<MessageRow>, may_react: Memo<bool>) -> impl IntoView {
    let room = expect_context::<RoomContext>();
    let id = row.with_untracked(|row| row.message.id);
    let emoji = StoredValue::new(first.emoji.clone());
    let wanted = first.emoji.clone();
    let chip = memo(move || {
        let found = row.with(|row| row.beside.chips.iter().find(|chip| chip.emoji == wanted).cloned());
        // What is about to vanish stays as it was.
        found.unwrap_or_else(|| first.clone())
    });
    // Whether somebody wants to know who reacted.
    let asked = RwSignal::new(false);
    let told = RwSignal::new(None::<Told>);
    effect(move || {
        if asked.get() {
            chip.with(|chip| find_who_reacted(room, id, chip, told));
        }
    });
    let who =
        memo(move || if asked.get() { chip.with(|chip| in_words(room, chip, told)) } else { String::new() });
    let label = move || chip.with(|chip| label(chip, &who.get()));
    let toggle = move |_| {
        if may_react.get_untracked() {
            let is_wanted = chip.with_untracked(|chip| !chip.is_mine);
            reacting::react(room.state, room.room_id, id, emoji.get_value(), is_wanted);
        }
    };
    view! {
        <button
            type="button"
            class="chip"
            aria-pressed=move || chip.with(|chip| chip.is_mine).to_string()
            aria-label=label
            aria-disabled=move || (!may_react.get()).then_some("true")
            on:pointerenter=move |_| asked.set(true)
            on:pointerleave=move |_| asked.set(false)
            on:focus=move |_| asked.set(true)
            on:blur=move |_| asked.set(false)
            on:click=toggle
        >
            <span class="emoji">{emoji.get_value()}</span>
            <span class="chip-count">{move || chip.with(|chip| chip.count)}</span>
            <Show when=move || who.with(|who| !who.is_empty())>
                <span class="chip-who" aria-hidden="true">{move || who.get()}</span>
            </Show>
        </button>
    }
}

/// The chip in words.
fn label(chip: &Chip, who: &str) -> String {
    let Chip { emoji, count, .. } = chip;
    let count = if *count == 1 { "1 reaction".to_owned() } else { format!("{count} reactions") };
    if who.is_empty() { format!("{emoji}, {count}") } else { format!("{emoji}, {count}: {who}") }
}

/// The key of an emoji in the list: its bytes, folded. Of the few below a message, no two are equal.
fn key(emoji: &str) -> u128 {
    emoji.bytes().fold(0, |key, byte| (key ^ u128::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A reaction as it was when the server told who reacted so, and their names without the user's.
type Told = (Chip, Vec<String>);

/// Who reacted: as the server told, if nothing has changed since, or else those whose names are known here.
fn in_words(room: RoomContext, chip: &Chip, told: RwSignal<Option<Told>>) -> String {
    let names = told.with(|told| told.as_ref().filter(|told| told.0 == *chip).map(|told| told.1.clone()));
    let names = names.unwrap_or_else(|| known_names(room, chip));
    who_reacted(&names, chip.is_mine, chip.count as usize)
}

/// The names that are known here, without the user's.
fn known_names(room: RoomContext, chip: &Chip) -> Vec<String> {
    chip.user_ids.iter().filter_map(|user| room.state.name_of(room.room_id, *user)).collect()
}

/// Asks the server for the names of those who reacted, if they are not all known here.
fn find_who_reacted(room: RoomContext, id: MessageId, chip: &Chip, told: RwSignal<Option<Told>>) {
    let RoomContext { state, room_id, .. } = room;
    let others = chip.count as usize - usize::from(chip.is_mine);
    if known_names(room, chip).len() >= others.min(ENOUGH_NAMES) {
        return;
    }
    let chip = chip.clone();
    spawn_local(async move {
        // Without an answer the names that are known stay.
        if let Ok(page) = client::reactions::list(room_id, id, &chip.emoji).await {
            let me = state.me();
            let others = page.items.iter().filter(|user| Some(user.id) != me);
            let names = others.map(|user| user.username.as_str().to_owned()).collect();
            told.try_set(Some((chip, names)));
        }
    });
}
