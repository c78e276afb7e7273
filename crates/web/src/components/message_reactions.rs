//! The reactions below a message.

use leptos::prelude::*;
use shared::ids::MessageId;

use crate::boxed::memo;
use crate::components::icon_button::IconButton;
use crate::components::keyed_list::KeyedList;
use crate::components::message_actions::{MessageAction, MessageActions, MessageRights};
use crate::state::reactions::Chip;
use crate::state::rows::MessageRow;

/// A button for each emoji, and one that adds another.
#[component]
pub fn MessageReactions(
    /// The message.
    id: MessageId,
    /// The message as it is now.
    row: RwSignal<MessageRow>,
    /// What the user may do with it.
    rights: Memo<MessageRights>,
    /// The actions.
    actions: MessageActions,
) -> impl IntoView {
    let keys = memo(move || {
        row.with(|row| row.beside.chips.iter().map(|chip| key(&chip.emoji)).collect::<Vec<_>>())
    });
    let draw = move |wanted| {
        let find =
            move |row: &MessageRow| row.beside.chips.iter().find(|chip| key(&chip.emoji) == wanted).cloned();
        match row.with_untracked(find) {
            Some(first) => {
                view! { <ReactionChip id=id first=first row=row rights=rights actions=actions /> }.into_any()
            }
            None => ().into_any(),
        }
    };
    view! {
        <Show when=move || keys.with(|keys| !keys.is_empty())>
            <div class="reactions" role="group" aria-label="Reactions">
                <KeyedList keys=keys draw=draw />
                <Show when=move || rights.get().react>
                    <IconButton
                        label="Add another reaction"
                        icon="smile"
                        class="icon-button reaction-more"
                        on_press=move |()| actions.run(id, MessageAction::PickReaction)
                    />
                </Show>
            </div>
        </Show>
    }
}

#[component]
fn ReactionChip(
    id: MessageId,
    first: Chip,
    row: RwSignal<MessageRow>,
    rights: Memo<MessageRights>,
    actions: MessageActions,
) -> impl IntoView {
    let emoji = StoredValue::new(first.emoji.clone());
    let wanted = first.emoji.clone();
    let chip = memo(move || {
        let found = row.with(|row| row.beside.chips.iter().find(|chip| chip.emoji == wanted).cloned());
        // What is about to vanish stays as it was.
        found.unwrap_or_else(|| first.clone())
    });
    let who = RwSignal::new(String::new());
    let ask = move || actions.on_who.run((id, emoji.get_value(), who));
    let label = move || chip.with(|chip| label(chip, &who.get()));
    let toggle = move |_| {
        if rights.get_untracked().react {
            let is_wanted = chip.with_untracked(|chip| !chip.is_mine);
            actions.run(id, MessageAction::React { emoji: emoji.get_value(), is_wanted });
        }
    };
    view! {
        <button
            type="button"
            class="chip"
            aria-pressed=move || chip.with(|chip| chip.is_mine).to_string()
            aria-label=label
            aria-disabled=move || (!rights.get().react).then_some("true")
            on:pointerenter=move |_| ask()
            on:focus=move |_| ask()
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
