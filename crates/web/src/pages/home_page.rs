//! What is going on: some rooms with their last words, and a form to make one.

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
use crate::components::room_form::RoomForm;
use crate::components::room_list::skeleton;
use crate::dom::{El, el, icon};
use crate::live::Live;
use crate::navigation::Navigation;
use crate::pages::not_found_page::page;
use crate::reactive::{effect, memo};
use crate::route::Route;
use crate::state::State;
use crate::state::toasts::Tone;

/// So many rooms are shown with their last words.
const CARDS: usize = 6;

/// The last words of the rooms that are shown.
type LastWords = RwSignal<Vec<Message>>;

/// The rooms at a glance.
pub fn home_page() -> El {
    let state = expect_context::<State>();
    let live = expect_context::<Live>();
    let overlays = expect_context::<Overlays>();
    let last_words = LastWords::default();
    live.load_rooms();

    let keys = memo(move || {
        state
            .rooms
            .with(|rooms| rooms.all().iter().map(|room| room.id.0.as_u128()).take(CARDS).collect::<Vec<_>>())
    });
    effect(move || {
        for key in keys.get() {
            load_last_words(RoomId(Uuid::from_u128(key)), state, last_words);
        }
    });
    let stage = memo(move || state.rooms.with(|rooms| (rooms.is_loaded(), rooms.all().is_empty())));
    let cards = move || {
        let cards = match stage.get() {
            (false, _) => skeleton("cards skeleton-cards", 3),
            (true, true) => el("p")
                .class("lead")
                .text("No room exists yet. Make the first one below and invite somebody in."),
            (true, false) => el("ul")
                .class("cards")
                .attr("aria-label", "What is going on")
                .list(move || keys.get(), move |key| card(RoomId(Uuid::from_u128(key)), state, last_words)),
        };
        [cards]
    };
    let lead = "Everything said here is open to read. Your first message asks what to call you; that is all.";
    let create = el("section")
        .class("home-create")
        .attr("aria-label", "Create a room")
        .child(create_room_form(state, live));
    let home = el("div")
        .class("home")
        .child(el("h1").text("Pick a room, or make one"))
        .child(el("p").class("lead").text(lead))
        .part(cards)
        .child(create);
    page(overlays.menu).child(home)
}

fn load_last_words(room_id: RoomId, state: State, last_words: LastWords) {
    let known = last_words.with_untracked(|words| words.iter().any(|message| message.room_id == room_id));
    let silent =
        state.rooms.with_untracked(|rooms| rooms.get(room_id).is_none_or(|room| room.last_seq.0 == 0));
    if known || silent {
        return;
    }
    spawn_local(async move {
        // The card is readable without them.
        let page = client::messages::list(room_id, Slice::Last).await.ok();
        if let Some(message) = page.and_then(|mut page| page.items.pop()) {
            last_words.try_update(|words| words.push(message));
        }
    });
}

/// One room: its name, who is there, the last words.
fn card(id: RoomId, state: State, last_words: LastWords) -> El {
    let room = memo(move || state.rooms.with(|rooms| rooms.get(id).cloned()));
    let name = move || {
        room.with(|room| room.as_ref().map_or_else(String::new, |room| room.name.as_str().to_owned()))
    };
    let online = move || room.with(|room| room.as_ref().map_or(0, |room| room.online));
    let silent = move || room.with(|room| room.as_ref().is_none_or(|room| room.last_seq.0 == 0));
    // What came live since is newer than what was fetched.
    let words = move || {
        let newer = state.timelines.with(|timelines| {
            timelines.get(&id).and_then(|timeline| timeline.messages().last().map(|last| (**last).clone()))
        });
        let fetched = last_words.with(|words| words.iter().find(|message| message.room_id == id).cloned());
        let last = newer.into_iter().chain(fetched).max_by_key(|message| (message.seq, message.rev));
        match last {
            Some(Message { author, text: Some(text), .. }) => vec![
                el("bdi").class("card-author").text(author.username.as_str()),
                el("span").attr("dir", "auto").text(&text),
            ],
            Some(_) => vec![el("em").text("The last message was deleted.")],
            None if silent() => vec![el("em").text("Nothing has been said yet.")],
            None => Vec::new(),
        }
    };
    let dot = el("span").class("dot").class_if("none", move || online() == 0).attr("aria-hidden", "true");
    let head = el("span")
        .class("card-head")
        .child(icon("hash"))
        .child(el("strong").attr("dir", "auto").live_text(name))
        .child(el("span").class("card-online").child(dot).live_text(move || format!("{} online", online())));
    let card = el("a").class("card").attr("href", &Route::Room(id).path()).child(head);
    el("li").child(card.child(el("span").class("card-words").part(words)))
}

/// The form that makes a room. Who has no name is asked for one first.
fn create_room_form(state: State, live: Live) -> El {
    let navigation = expect_context::<Navigation>();
    let overlays = expect_context::<Overlays>();
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let done = RwSignal::new(0);
    let create = move |name: RoomName| {
        busy.set(true);
        spawn_local(async move {
            let outcome = client::rooms::create(name).await;
            // Whoever has left the page is not taken away from where they are.
            let is_here = busy.try_set(false).is_none();
            match outcome {
                Ok(room) => {
                    done.try_update(|done| *done += 1);
                    let route = Route::Room(room.id);
                    live.take_room(room);
                    if is_here {
                        navigation.go(route);
                    }
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
    RoomForm {
        id: "new-room",
        label: "Create a room",
        action: "Create room",
        initial: String::new(),
        busy,
        error,
        done,
        on_submit,
        on_cancel: None,
    }
    .view()
}
