//! The start page: some rooms with their last messages, and the ways to others.

mod card;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::RoomId;
use shared::messages::Message;
use uuid::Uuid;

use crate::boxed::{effect, memo};
use crate::client;
use crate::client::messages::Slice;
use crate::components::keyed_list::KeyedList;
use crate::components::page_frame::PageFrame;
use crate::components::skeleton::Skeleton;
use crate::live::Live;
use crate::overlays::Overlays;
use crate::pages::home_page::card::RoomCard;
use crate::state::State;

/// How many rooms are shown at most.
const MAX_CARDS: usize = 6;

/// What the place of the cards shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Loading,
    NoRooms,
    Cards,
}

/// The rooms at a glance.
#[component]
pub fn HomePage() -> impl IntoView {
    let state = expect_context::<State>();
    let overlays = expect_context::<Overlays>();
    expect_context::<Live>().refresh_rooms();

    let last_messages = RwSignal::new(Vec::<Message>::new());
    let keys = memo(move || {
        let rooms = state.rooms.read();
        rooms.mine(None).map(|room| room.id.0.as_u128()).take(MAX_CARDS).collect::<Vec<_>>()
    });
    let draw = Callback::new(move |key| {
        view! { <RoomCard id=RoomId(Uuid::from_u128(key)) last_messages=last_messages /> }.into_any()
    });
    effect(move || {
        for key in keys.get() {
            load_last_message(RoomId(Uuid::from_u128(key)), state, last_messages);
        }
    });
    let stage = memo(move || {
        state.rooms.with(|rooms| match (rooms.is_loaded(), rooms.all().is_empty()) {
            (false, _) => Stage::Loading,
            (true, true) => Stage::NoRooms,
            (true, false) => Stage::Cards,
        })
    });
    let cards = move || match stage.get() {
        Stage::Loading => view! { <Skeleton class="cards skeleton-cards" bars=3 /> }.into_any(),
        Stage::NoRooms => {
            view! { <p class="lead">"There are no rooms yet. Create the first one and invite somebody."</p> }
                .into_any()
        }
        Stage::Cards => view! {
            <ul class="cards" aria-label="What is going on">
                <KeyedList keys=keys draw=draw />
            </ul>
        }
        .into_any(),
    };
    let create = move |_| overlays.with_name(state, move || overlays.create_room.set(true));
    view! {
        <PageFrame menu_open=overlays.menu>
            <div class="home">
                <h1>"Pick a room, or make one"</h1>
                <p class="lead">
                    "Public rooms are open for everyone to read. Go into one and say hello."
                </p>
                {move || cards()}
                <div class="home-actions">
                    <button type="button" class="button primary" on:click=create>
                        "Create a room"
                    </button>
                    <button type="button" class="button" on:click=move |_| overlays.browse.set(true)>
                        "Browse rooms"
                    </button>
                </div>
            </div>
        </PageFrame>
    }
}

fn load_last_message(room_id: RoomId, state: State, last_messages: RwSignal<Vec<Message>>) {
    let is_known =
        last_messages.with_untracked(|messages| messages.iter().any(|message| message.room_id == room_id));
    let is_empty =
        state.rooms.with_untracked(|rooms| rooms.get(room_id).is_none_or(|room| room.last_seq.0 == 0));
    if is_known || is_empty {
        return;
    }
    spawn_local(async move {
        // On failure the card stays without a message.
        let page = client::messages::list(room_id, Slice::Last).await.ok();
        if let Some(message) = page.and_then(|mut page| page.items.pop()) {
            last_messages.try_update(|messages| messages.push(message));
        }
    });
}
