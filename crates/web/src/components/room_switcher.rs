//! Finds a room by a few letters of its name.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use shared::ids::RoomId;

use crate::boxed::{effect, memo};
use crate::browser;
use crate::components::keys::is_composing;
use crate::components::modal::Modal;
use crate::components::room_link::{mention_badge, unread_badge};
use crate::components::room_sign::{RoomFace, room_sign};
use crate::state::reading::ReadMarks;
use crate::state::rooms::RoomList;

/// How many rooms are listed at most.
const MAX_RESULTS: usize = 8;

/// A dialog with a search field and the matching rooms: the user's own first, and of these the unread ones.
#[component]
pub fn RoomSwitcher(
    /// Whether the dialog is open.
    open: RwSignal<bool>,
    /// The rooms.
    rooms: RwSignal<RoomList>,
    /// What the user has read of each room.
    reading: StoredValue<ReadMarks>,
    /// How many messages are unread in all rooms.
    unread: RwSignal<u64>,
    /// Whether the client knows all rooms.
    is_complete: Signal<bool>,
    /// Called with the chosen room.
    on_choose: Callback<RoomId>,
) -> impl IntoView {
    let choose = Callback::new(move |room_id| {
        open.set(false);
        on_choose.run(room_id);
    });
    view! {
        <Modal open=open label="Find a room" class="switcher">
            <RoomSearch rooms=rooms reading=reading unread=unread is_complete=is_complete on_choose=choose />
        </Modal>
    }
}

/// A matching room.
#[derive(Clone, PartialEq, Eq)]
struct Match {
    id: RoomId,
    name: String,
    face: RoomFace,
    unread: u64,
    mentions: u64,
}

#[component]
fn RoomSearch(
    rooms: RwSignal<RoomList>,
    reading: StoredValue<ReadMarks>,
    unread: RwSignal<u64>,
    is_complete: Signal<bool>,
    on_choose: Callback<RoomId>,
) -> impl IntoView {
    let query = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let found = memo(move || {
        // Another message anywhere changes it.
        unread.track();
        rooms.with(|rooms| reading.with_value(|reading| query.with(|query| find(rooms, reading, query))))
    });
    effect(move || {
        query.track();
        chosen.set(0);
    });
    let on_keydown = move |event: KeyboardEvent| {
        let count = found.with_untracked(Vec::len);
        if is_composing(&event) {
            return;
        }
        match event.key().as_str() {
            "ArrowDown" if count > 0 => chosen.update(|place| *place = (*place + 1) % count),
            "ArrowUp" if count > 0 => chosen.update(|place| *place = (*place + count - 1) % count),
            "Enter" => {
                let place = chosen.get_untracked();
                if let Some(room_id) = found.with_untracked(|found| found.get(place).map(|room| room.id)) {
                    on_choose.run(room_id);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let option = move |(place, room)| {
        view! { <RoomOption place=place room=room chosen=chosen on_choose=on_choose /> }
    };
    let none = move || match (found.with(Vec::is_empty), is_complete.get()) {
        (false, _) => "",
        (true, true) => "No room is called that.",
        // Other rooms are loading, or cannot be loaded.
        (true, false) => "No room found yet.",
    };
    view! {
        <input
            class="input"
            type="text"
            role="combobox"
            aria-label="Find a room"
            aria-expanded="true"
            aria-controls="switcher-options"
            aria-activedescendant=move || {
                (!found.with(Vec::is_empty)).then(|| format!("switcher-{}", chosen.get()))
            }
            autocomplete="off"
            autofocus=true
            placeholder="Find a room"
            bind:value=query
            on:keydown=on_keydown
        />
        <ul id="switcher-options" role="listbox" aria-label="Rooms">
            {move || found.get().into_iter().enumerate().map(option).collect_view()}
        </ul>
        <p class="switcher-none" role="status">{move || none()}</p>
    }
}

#[component]
fn RoomOption(
    place: usize,
    room: Match,
    chosen: RwSignal<usize>,
    on_choose: Callback<RoomId>,
) -> impl IntoView {
    let Match { id: room_id, name, face, unread, mentions } = room;
    view! {
        <li
            id=format!("switcher-{place}")
            role="option"
            class="switcher-option"
            aria-selected=move || (chosen.get() == place).to_string()
            on:click=move |_| on_choose.run(room_id)
            on:pointermove=move |_| chosen.set(place)
        >
            {room_sign(face)}
            <span class="switcher-name" dir="auto">
                {name}
            </span>
            {mention_badge(mentions)}
            {unread_badge(unread)}
        </li>
    }
}

fn find(rooms: &RoomList, reading: &ReadMarks, query: &str) -> Vec<Match> {
    let query = browser::lower_case(query);
    let mut lists = [const { Vec::new() }; 4];
    for room in rooms.by_activity() {
        let name = room.name.as_str();
        if matches(&browser::lower_case(name), &query) {
            let count = reading.unread(room);
            let place = if rooms.is_mine(room) { 0 } else { 2 } + usize::from(count == 0);
            lists[place].push(Match {
                id: room.id,
                name: name.to_owned(),
                face: RoomFace::from(room),
                unread: count,
                mentions: reading.mentions(room),
            });
        }
    }
    lists.into_iter().flatten().take(MAX_RESULTS).collect()
}

/// Whether the name contains the letters of the query in their order. Both are in lower case.
fn matches(name: &str, query: &str) -> bool {
    let mut letters = name.chars();
    query.chars().filter(|letter| !letter.is_whitespace()).all(|letter| letters.any(|other| other == letter))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_few_letters_in_order_are_enough() {
        assert!(matches("design crits", "dcr"));
        assert!(matches("lobby", " lob "));
        assert!(matches("lobby", ""));
        assert!(!matches("lobby", "yl"));
    }
}
