//! The sidebar: all rooms, and who one is.

use leptos::prelude::*;
use shared::ids::RoomId;
use uuid::Uuid;

use crate::components::avatar::avatar;
use crate::dom::{El, button, el, icon, icon_button};
use crate::reactive::memo;
use crate::route::Route;
use crate::state::Identity;
use crate::state::reading::ReadMarks;
use crate::state::rooms::RoomList as Rooms;

/// The rooms with their unread counts. On a phone it covers everything while it is open.
#[derive(Clone, Copy)]
pub struct RoomList {
    /// The rooms.
    pub rooms: RwSignal<Rooms>,
    /// How far one has read them.
    pub reading: RwSignal<ReadMarks>,
    /// The room that is open.
    pub current: Memo<Option<RoomId>>,
    /// Who one is.
    pub identity: RwSignal<Identity>,
    /// Whether more rooms are on their way.
    pub loading: RwSignal<bool>,
    /// Whether it is open on a phone.
    pub open: RwSignal<bool>,
    /// Makes a room.
    pub on_create: Callback<()>,
    /// Finds a room.
    pub on_find: Callback<()>,
    /// Loads more rooms.
    pub on_more: Callback<()>,
    /// Opens the settings.
    pub on_settings: Callback<()>,
}

impl RoomList {
    /// Draws it.
    pub fn view(self) -> El {
        let Self { rooms, open, on_create, on_find, on_settings, .. } = self;
        let keys = memo(move || {
            rooms.with(|rooms| rooms.all().iter().map(|room| room.id.0.as_u128()).collect::<Vec<_>>())
        });
        let close = icon_button("Close menu", "close").class("icon-button sidebar-close");
        let head = el("div")
            .class("sidebar-head")
            .child(el("a").class("brand").attr("href", "/rooms").child(icon("logo")).text("Parlance"))
            .child(close.on_click(move || open.set(false)));
        let find = button("find")
            .attr("aria-keyshortcuts", "Control+K Meta+K")
            .on_click(move || on_find.run(()))
            .child(icon("search"))
            .child(el("span").text("Find a room"))
            .child(el("kbd").text("Ctrl K"));
        let create = button("button quiet small")
            .child(icon("plus"))
            .text("Create New")
            .on_click(move || on_create.run(()));
        let title = el("div").class("sidebar-title").child(el("h2").text("Chat Rooms")).child(create);
        let links = el("ul")
            .attr("aria-label", "Rooms")
            .list(move || keys.get(), move |key| self.link(RoomId(Uuid::from_u128(key))));
        let all = el("div")
            .class("sidebar-rooms")
            .child(links)
            .child(el("div").class("sidebar-end").part(move || [self.end()]));
        let settings = icon_button("Settings", "gear").on_click(move || on_settings.run(()));
        let session = el("div").class("session").part(move || self.session()).child(settings);
        el("nav")
            .attr("id", "sidebar")
            .class("sidebar")
            .class_if("open", move || open.get())
            .attr("aria-label", "Chat rooms")
            .children([head, find, title, all, session])
    }

    fn link(self, id: RoomId) -> El {
        let Self { rooms, reading, current, .. } = self;
        let unread = memo(move || {
            rooms.with(|rooms| rooms.get(id).map_or(0, |room| reading.with(|reading| reading.unread(room))))
        });
        let name = move || {
            rooms.with(|rooms| rooms.get(id).map(|room| room.name.as_str().to_owned())).unwrap_or_default()
        };
        let count = move || {
            let count = match unread.get() {
                0 => return None,
                many @ 100.. => format!("{}+", many.min(99)),
                few => few.to_string(),
            };
            Some(el("span").class("count").text(&count).child(el("span").class("sr-only").text(" unread")))
        };
        let link = el("a")
            .class("room-link")
            .class_if("unread", move || unread.get() > 0)
            .attr("href", &Route::Room(id).path())
            .maybe_attr("aria-current", move || (current.get() == Some(id)).then(|| "page".to_owned()))
            .child(icon("hash"))
            .child(el("span").class("room-link-name").attr("dir", "auto").live_text(name))
            .part(count);
        el("li").child(link)
    }

    /// What stands below the rooms: whether there are more.
    fn end(self) -> El {
        let Self { rooms, loading, on_more, .. } = self;
        let note = |text| el("p").class("rooms-end").text(text);
        match rooms.with(|rooms| (rooms.is_loaded(), rooms.next_cursor().is_some(), rooms.all().is_empty())) {
            (false, ..) => skeleton("skeleton-rooms", 4),
            (true, true, _) => button("button small")
                .live_flag("aria-busy", move || loading.get())
                .live_text(move || if loading.get() { "Loading…" } else { "Load more rooms…" })
                .on_click(move || on_more.run(())),
            (true, false, true) => note("There are no rooms yet."),
            (true, false, false) => note("There are no more rooms."),
        }
    }

    fn session(self) -> Vec<El> {
        let name = el("span").class("session-name");
        match self.identity.get() {
            Identity::User(user) => {
                let username = user.username.as_str();
                let name = name
                    .child(el("span").attr("dir", "auto").text(username))
                    .child(el("span").class("session-kind").text("guest"));
                vec![avatar(user.id, username), name]
            }
            Identity::Anonymous => vec![name.class("session-name session-kind").text("Just looking around")],
            Identity::Unknown => vec![name],
        }
    }
}

/// Grey bars in the place of what is on its way.
pub fn skeleton(class: &str, bars: usize) -> El {
    el("div").class(class).attr("aria-hidden", "true").children((0..bars).map(|_| el("i")))
}
