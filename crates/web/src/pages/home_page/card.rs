//! A room on the start page.

use leptos::prelude::*;
use shared::ids::RoomId;
use shared::messages::Message;

use crate::boxed::memo;
use crate::components::room_sign::{RoomFace, room_sign};
use crate::route::Route;
use crate::state::State;
use crate::state::files::words;

/// A link to a room: its name, how many people are there, and its last message.
#[component]
pub fn RoomCard(
    /// The room.
    id: RoomId,
    /// The last messages of the rooms, as they were loaded with the page.
    last_messages: RwSignal<Vec<Message>>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let room = memo(move || state.room(id, Clone::clone));
    let name =
        move || room.with(|room| room.as_ref().map(|room| room.name.as_str().to_owned()).unwrap_or_default());
    let face = move || room.with(|room| room.as_ref().map(RoomFace::from).unwrap_or_default());
    let online = memo(move || room.with(|room| room.as_ref().map_or(0, |room| room.online)));
    // A message that came live is newer than the one loaded with the page.
    let last_message = memo(move || {
        let live = state.timeline(id, |timeline| timeline?.messages().last().map(|last| (**last).clone()));
        let loaded =
            last_messages.with(|messages| messages.iter().find(|message| message.room_id == id).cloned());
        live.into_iter().chain(loaded).max_by_key(|message| (message.seq, message.rev))
    });
    let is_empty = move || room.with(|room| room.as_ref().is_none_or(|room| room.last_seq.0 == 0));
    let words = move || match last_message.get().map(|last| (words(&last), last.author)) {
        Some((Some(words), author)) => view! {
            <bdi class="card-author">{author.username.as_str().to_owned()}</bdi>
            <span dir="auto">{words}</span>
        }
        .into_any(),
        Some((None, _)) => view! { <em>"The last message was deleted."</em> }.into_any(),
        None if is_empty() => view! { <em>"Nothing has been said yet."</em> }.into_any(),
        None => ().into_any(),
    };
    view! {
        <li>
            <a class="card" href=Route::Room(id).path()>
                <span class="card-head">
                    {move || room_sign(face())}
                    <strong dir="auto">{move || name()}</strong>
                    <span class="card-online">
                        <span class="dot" class:none=move || online.get() == 0 aria-hidden="true"></span>
                        {move || format!("{} online", online.get())}
                    </span>
                </span>
                <span class="card-words">{move || words()}</span>
            </a>
        </li>
    }
}
