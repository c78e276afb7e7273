//! Finds a room by a few letters of its name.

use leptos::prelude::*;
use shared::ids::RoomId;

use crate::browser;
use crate::components::icon::icon;
use crate::components::modal::Modal;
use crate::shapes::{act, effect, handle, memo, part, text};
use crate::state::reading::ReadMarks;
use crate::state::rooms::RoomList;

const MOST: usize = 8;

/// A field and the rooms that fit, unread ones first.
#[component]
pub fn RoomSwitcher(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// The rooms.
    rooms: RwSignal<RoomList>,
    /// How far one has read them.
    reading: RwSignal<ReadMarks>,
    /// One of them is chosen.
    on_choose: Callback<RoomId>,
) -> impl IntoView {
    let query = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    effect(move || {
        if open.get() {
            query.set(String::new());
            chosen.set(0);
        }
    });
    let found = memo(move || {
        let query = browser::lower_case(&query.get());
        let (mut unread, mut read) = (Vec::new(), Vec::new());
        rooms.with(|rooms| {
            for room in
                rooms.all().iter().filter(|room| fits(&browser::lower_case(room.name.as_str()), &query))
            {
                let count = reading.with(|reading| reading.unread(room));
                let list = if count > 0 { &mut unread } else { &mut read };
                list.push((room.id, room.name.as_str().to_owned(), count));
            }
        });
        unread.append(&mut read);
        unread.truncate(MOST);
        unread
    });
    let choose = move |room_id: RoomId| {
        open.set(false);
        on_choose.run(room_id);
    };
    let on_keydown = move |event: leptos::ev::KeyboardEvent| {
        let count = found.with_untracked(Vec::len);
        match event.key().as_str() {
            "ArrowDown" if count > 0 => chosen.update(|place| *place = (*place + 1) % count),
            "ArrowUp" if count > 0 => chosen.update(|place| *place = (*place + count - 1) % count),
            "Enter" if !event.is_composing() => {
                let place = chosen.get_untracked();
                if let Some(room_id) = found.with_untracked(|found| found.get(place).map(|room| room.0)) {
                    choose(room_id);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let options = move || {
        let found = found.get();
        if found.is_empty() {
            return view! { <p class="switcher-none">"No room is called that."</p> }.into_any();
        }
        found
            .into_iter()
            .enumerate()
            .map(|(place, (room_id, name, unread))| {
                view! {
                    <li
                        id=format!("switcher-{place}")
                        role="option"
                        class="switcher-option"
                        aria-selected=text(move || (chosen.get() == place).to_string())
                        on:click=act(move || choose(room_id))
                        on:pointermove=act(move || chosen.set(place))
                    >
                        {icon("hash")}
                        <span class="switcher-name" dir="auto">{name}</span>
                        {(unread > 0).then(|| view! { <span class="count">{unread}</span> })}
                    </li>
                }
            })
            .collect_view()
            .into_any()
    };
    view! {
        <Modal open label="Find a room" class="switcher">
            <input
                class="input"
                type="text"
                role="combobox"
                aria-label="Find a room"
                aria-expanded="true"
                aria-controls="switcher-options"
                aria-activedescendant=text(move || format!("switcher-{}", chosen.get()))
                autocomplete="off"
                autofocus
                placeholder="Find a room"
                prop:value=query
                on:input=handle(move |event| {
                    query.set(event_target_value(&event));
                    chosen.set(0);
                })
                on:keydown=handle(on_keydown)
            />
            <ul id="switcher-options" role="listbox" aria-label="Rooms">{part(options)}</ul>
        </Modal>
    }
}

/// Whether the letters of the query come in the name in that order. Both are in lower case.
fn fits(name: &str, query: &str) -> bool {
    let mut letters = name.chars();
    query.chars().filter(|letter| !letter.is_whitespace()).all(|letter| letters.any(|other| other == letter))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_few_letters_in_order_are_enough() {
        assert!(fits("design crits", "dcr"));
        assert!(fits("lobby", " lob "));
        assert!(fits("lobby", ""));
        assert!(!fits("lobby", "yl"));
    }
}
