//! What a message answers, its thread, and what the user answers.

use leptos::prelude::*;
use shared::ids::MessageId;
use shared::replies::Quote;

use crate::boxed::{effect, memo};
use crate::browser;
use crate::components::icon::Icon;
use crate::components::icon_button::IconButton;
use crate::components::message_item::DELETED;
use crate::components::message_list::target::ScrollTarget;
use crate::pages::room_page::context::RoomContext;
use crate::pages::room_page::reactions::MessageReactions;
use crate::route::Route;
use crate::state::rows::MessageRow;

/// Above the text: that the message is pinned, and the beginning of what it answers.
#[component]
pub fn AboveText(
    /// The message as it is now.
    row: RwSignal<MessageRow>,
) -> impl IntoView {
    let room = expect_context::<RoomContext>();
    let is_pinned = memo(move || row.with(|row| row.message.pinned_at.is_some()));
    let pinned =
        move || is_pinned.get().then(|| view! { <p class="pinned"><Icon name="pin" /> "Pinned"</p> });
    let quote = memo(move || row.with(|row| row.beside.quote.clone()));
    let quote = move || {
        let quote = quote.get()?;
        let (answered, words) = (quote.id, quote_words(&quote));
        Some(view! {
            <button type="button" class="quote" class:gone=quote.deleted on:click=move |_| show(room, answered)>
                <span class="sr-only">"In reply to "</span>
                <strong dir="auto">{quote.author.username.as_str().to_owned()}</strong>
                <span dir="auto">{words}</span>
            </button>
        })
    };
    view! {
        {move || pinned()}
        {move || quote()}
    }
}

/// Below the text: the reactions, and the way into the thread.
#[component]
pub fn BelowText(
    /// The message as it is now.
    row: RwSignal<MessageRow>,
) -> impl IntoView {
    let room = expect_context::<RoomContext>();
    let id = row.with_untracked(|row| row.message.id);
    let has_reactions = memo(move || row.with(|row| !row.beside.chips.is_empty()));
    let replies = memo(move || row.with(|row| row.beside.replies));
    let thread = move || {
        let words = match replies.get() {
            0 => return None,
            1 => "1 reply".to_owned(),
            many => format!("{many} replies"),
        };
        Some(view! {
            <button
                type="button"
                class="thread-link"
                on:click=move |_| room.overlays.thread.set(Some(id))
            >
                <Icon name="reply" />
                {words}
            </button>
        })
    };
    view! {
        {move || has_reactions.get().then(|| view! { <MessageReactions row=row /> })}
        {move || thread()}
    }
}

/// Above the field: the author and the beginning of the message that is answered, and a button that answers nothing.
#[component]
pub fn ReplyBar() -> impl IntoView {
    let room = expect_context::<RoomContext>();
    let RoomContext { state, room_id, replying, .. } = room;
    let quote = memo(move || {
        let reply_to = replying.get()?;
        state.timeline(room_id, |timeline| timeline?.references.quote(reply_to.id).cloned())
    });
    // What is deleted meanwhile cannot be answered.
    effect(move || {
        if quote.with(|quote| quote.as_ref().is_some_and(|quote| quote.deleted)) {
            replying.set(None);
        }
    });
    let bar = move || {
        let quote = quote.get()?;
        Some(view! {
            <div class="reply-bar">
                <Icon name="reply" />
                <p>
                    "Replying to " <strong dir="auto">{quote.author.username.as_str().to_owned()}</strong>
                    <span class="reply-words" dir="auto">{quote_words(&quote)}</span>
                </p>
                <IconButton label="Cancel the reply" icon="close" on_press=move |()| replying.set(None) />
            </div>
        })
    };
    view! { {move || bar()} }
}

/// What a quote says.
fn quote_words(quote: &Quote) -> String {
    match (quote.deleted, quote.excerpt.is_empty()) {
        (true, _) => DELETED.to_owned(),
        (false, true) => "Files".to_owned(),
        (false, false) => quote.excerpt.clone(),
    }
}

/// Shows a message of the room, in its place.
fn show(room: RoomContext, id: MessageId) {
    if browser::matches(browser::NARROW) {
        room.overlays.thread.set(None);
    }
    let route = Route::Message(room.room_id, id);
    match room.navigation.here() == route {
        // The route does not change, so nothing else scrolls to it.
        true => room.target.set(Some(ScrollTarget::Message(id))),
        false => room.navigation.go(route),
    }
}
