//! What is going on: some rooms with their last words, and a form to make one.

use std::collections::HashMap;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::RoomId;
use shared::messages::Message;
use shared::rooms::RoomName;
use uuid::Uuid;

use crate::app::Overlays;
use crate::browser;
use crate::client;
use crate::client::messages::Slice;
use crate::components::icon::icon;
use crate::components::room_form::RoomForm;
use crate::components::room_header::MenuButton;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::route::Route;
use crate::shapes::{each, effect, flag, memo, part, text};
use crate::state::State;
use crate::state::toasts::Tone;

/// So many rooms are shown with their last words.
const CARDS: usize = 6;

/// The rooms at a glance.
#[component]
pub fn HomePage() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let overlays = expect_context::<Overlays>();
    let last_words = RwSignal::new(HashMap::<RoomId, Message>::new());
    live.load_rooms();

    let ids = memo(move || {
        state.rooms.with(|rooms| rooms.all().iter().map(|room| room.id).take(CARDS).collect::<Vec<_>>())
    });
    effect(move || {
        for room_id in ids.get() {
            let known = last_words.with_untracked(|words| words.contains_key(&room_id));
            let silent = state
                .rooms
                .with_untracked(|rooms| rooms.get(room_id).is_none_or(|room| room.last_seq.0 == 0));
            if !known && !silent {
                spawn_local(async move {
                    // The card is readable without them.
                    let page = client::messages::list(room_id, Slice::Last).await.ok();
                    if let Some(message) = page.and_then(|mut page| page.items.pop()) {
                        last_words.try_update(|words| words.insert(room_id, message));
                    }
                });
            }
        }
    });

    let cards = move || match state.rooms.with(|rooms| (rooms.is_loaded(), rooms.all().is_empty())) {
        (false, _) => view! {
            <div class="cards skeleton-cards" aria-hidden="true"><i></i><i></i><i></i></div>
        }
        .into_any(),
        (true, true) => view! {
            <p class="lead">"No room exists yet. Make the first one below and invite somebody in."</p>
        }
        .into_any(),
        (true, false) => view! {
            <ul class="cards" aria-label="What is going on">
                {each(
                    move || ids.with(|ids| ids.iter().map(|id| id.0.as_u128()).collect()),
                    move |id| card(RoomId(Uuid::from_u128(id)), state, last_words),
                )}
            </ul>
        }
        .into_any(),
    };
    view! {
        <main id="main" class="page" tabindex="-1">
            <header class="page-head">
                <MenuButton open=overlays.menu />
            </header>
            <div class="home">
                <h1>"Pick a room, or make one"</h1>
                <p class="lead">
                    "Everything said here is open to read. Your first message asks what to call you; that is all."
                </p>
                {part(cards)}
                <section class="home-create" aria-label="Create a room">
                    <CreateRoom />
                </section>
            </div>
        </main>
    }
    .into_any()
}

/// One room: its name, who is there, the last words.
fn card(id: RoomId, state: State, last_words: RwSignal<HashMap<RoomId, Message>>) -> AnyView {
    let room = memo(move || state.rooms.with(|rooms| rooms.get(id).cloned()));
    let name = move || {
        room.with(|room| room.as_ref().map_or_else(String::new, |room| room.name.as_str().to_owned()))
    };
    let online = move || room.with(|room| room.as_ref().map_or(0, |room| room.online));
    // What came live since is newer than what was fetched.
    let words = move || {
        let newer = state.timelines.with(|timelines| {
            timelines.get(&id).and_then(|timeline| timeline.messages().last().map(|last| (**last).clone()))
        });
        let fetched = last_words.with(|words| words.get(&id).cloned());
        let last = newer.into_iter().chain(fetched).max_by_key(|message| (message.seq, message.rev));
        match last {
            Some(Message { author, text: Some(text), .. }) => view! {
                <bdi class="card-author">{author.username.as_str().to_owned()}</bdi>
                <span dir="auto">{text}</span>
            }
            .into_any(),
            Some(_) => view! { <em>"The last message was deleted."</em> }.into_any(),
            None => match room.with(|room| room.as_ref().is_none_or(|room| room.last_seq.0 == 0)) {
                true => view! { <em>"Nothing has been said yet."</em> }.into_any(),
                false => ().into_any(),
            },
        }
    };
    view! {
        <li>
            <a class="card" href=Route::Room(id).path()>
                <span class="card-head">
                    {icon("hash")} <strong dir="auto">{text(name)}</strong>
                    <span class="card-online">
                        <span class="dot" class:none=flag(move || online() == 0) aria-hidden="true"></span>
                        {text(move || online().to_string())} " online"
                    </span>
                </span>
                <span class="card-words">{part(words)}</span>
            </a>
        </li>
    }
    .into_any()
}

/// The form that makes a room. Who has no name is asked for one first.
#[component]
fn CreateRoom() -> impl IntoView {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let navigation = expect_context::<Navigation>();
    let overlays = expect_context::<Overlays>();
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let done = RwSignal::new(0);
    let create = move |name: RoomName| {
        busy.set(true);
        spawn_local(async move {
            let outcome = client::rooms::create(name).await;
            busy.try_set(false);
            match outcome {
                Ok(room) => {
                    done.try_update(|done| *done += 1);
                    let route = Route::Room(room.id);
                    live.take_room(room);
                    navigation.go(route);
                }
                Err(refused) => {
                    if refused.is_passing() {
                        state.toast(Tone::Error, refused.sentence(), browser::now());
                    }
                    error.try_set(Some(refused.sentence()));
                }
            }
        });
    };
    let on_submit = Callback::new(move |name: RoomName| {
        overlays.with_name(state, move || create(name.clone()));
    });
    view! {
        <RoomForm id="new-room" label="Create a room" action="Create room" busy error done on_submit />
    }
}
