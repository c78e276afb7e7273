//! Finds a room by a few letters of its name.

use leptos::prelude::*;
use shared::ids::RoomId;
use web_sys::{KeyboardEvent, PointerEvent};

use crate::browser;
use crate::components::modal::Modal;
use crate::dom::{El, el, icon};
use crate::reactive::{effect, memo};
use crate::state::reading::ReadMarks;
use crate::state::rooms::RoomList;

const MOST: usize = 8;

/// A field and the rooms that fit, unread ones first.
#[derive(Clone, Copy)]
pub struct RoomSwitcher {
    /// Whether it is open.
    pub open: RwSignal<bool>,
    /// The rooms.
    pub rooms: RwSignal<RoomList>,
    /// How far one has read them.
    pub reading: RwSignal<ReadMarks>,
    /// One of them is chosen.
    pub on_choose: Callback<RoomId>,
}

/// A room that fits.
type Found = (RoomId, String, u64);

impl RoomSwitcher {
    /// Draws it.
    pub fn view(self) -> El {
        Modal { open: self.open, label: Signal::stored("Find a room".to_owned()), class: "switcher" }
            .view(move || self.content())
    }

    fn find(self, query: &str) -> Vec<Found> {
        let query = browser::lower_case(query);
        let (mut unread, mut read) = (Vec::new(), Vec::new());
        self.rooms.with(|rooms| {
            let fitting = |name: &str| fits(&browser::lower_case(name), &query);
            for room in rooms.all().iter().filter(|room| fitting(room.name.as_str())) {
                let count = self.reading.with(|reading| reading.unread(room));
                let list = if count > 0 { &mut unread } else { &mut read };
                list.push((room.id, room.name.as_str().to_owned(), count));
            }
        });
        unread.append(&mut read);
        unread.truncate(MOST);
        unread
    }

    fn content(self) -> Vec<El> {
        let query = RwSignal::new(String::new());
        let chosen = RwSignal::new(0_usize);
        let found = memo(move || query.with(|query| self.find(query)));
        effect(move || {
            query.track();
            chosen.set(0);
        });
        let choose = move |room_id: RoomId| {
            self.open.set(false);
            self.on_choose.run(room_id);
        };
        let on_keydown = move |event: KeyboardEvent| {
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
        let option = move |(place, (room_id, name, unread)): (usize, Found)| {
            el("li")
                .attr("id", &format!("switcher-{place}"))
                .attr("role", "option")
                .class("switcher-option")
                .live_flag("aria-selected", move || chosen.get() == place)
                .on_click(move || choose(room_id))
                .on("pointermove", move |_: PointerEvent| chosen.set(place))
                .child(icon("hash"))
                .child(el("span").class("switcher-name").attr("dir", "auto").text(&name))
                .children((unread > 0).then(|| el("span").class("count").text(&unread.to_string())))
        };
        let field = el("input")
            .class("input")
            .attr("type", "text")
            .attr("role", "combobox")
            .attr("aria-label", "Find a room")
            .attr("aria-expanded", "true")
            .attr("aria-controls", "switcher-options")
            .live_attr("aria-activedescendant", move || format!("switcher-{}", chosen.get()))
            .attr("autocomplete", "off")
            .attr("autofocus", "")
            .attr("placeholder", "Find a room")
            .on_input(move |text| query.set(text))
            .on("keydown", on_keydown);
        let options =
            el("ul").attr("id", "switcher-options").attr("role", "listbox").attr("aria-label", "Rooms");
        let none = el("p")
            .class("switcher-none")
            .live_text(move || if found.with(Vec::is_empty) { "No room is called that." } else { "" });
        vec![field, options.part(move || found.get().into_iter().enumerate().map(option)), none]
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
