//! The open room's name, who is there, and what its creator may do with it.

use leptos::prelude::*;
use shared::rooms::RoomName;

use crate::browser;
use crate::components::room_form::RoomForm;
use crate::dom::{El, el, icon, icon_button};

/// The header of a room. The name turns into a field when it is being changed.
#[derive(Clone, Copy)]
pub struct RoomHeader {
    /// The room's name.
    pub name: Memo<String>,
    /// How many people are there.
    pub online: Memo<usize>,
    /// Whether one may rename and delete the room.
    pub owned: Memo<bool>,
    /// Whether the sidebar is open on a phone.
    pub menu_open: RwSignal<bool>,
    /// Whether the people are shown where there is no room for them.
    pub people_open: RwSignal<bool>,
    /// Whether the name is being changed.
    pub renaming: RwSignal<bool>,
    /// Whether the server is being asked.
    pub rename_busy: RwSignal<bool>,
    /// What is wrong with the new name.
    pub rename_error: RwSignal<Option<String>>,
    /// A new name.
    pub on_rename: Callback<RoomName>,
    /// The room is to be deleted.
    pub on_delete: Callback<()>,
}

impl RoomHeader {
    /// Draws it.
    pub fn view(self) -> El {
        let Self { online, owned, menu_open, people_open, .. } = self;
        let dot =
            el("span").class("dot").class_if("none", move || online.get() == 0).attr("aria-hidden", "true");
        let count = el("span")
            .class("room-online")
            .child(dot)
            .child(el("strong").live_text(move || online.get().to_string()))
            .text(" ")
            .child(el("span").class("room-online-word").text("Online"));
        let people = icon_button("People", "people")
            .class("icon-button people-button")
            .attr("aria-controls", "people")
            .live_flag("aria-expanded", move || people_open.get())
            .on_click(move || people_open.update(|open| *open = !*open));
        el("header")
            .class("room-header")
            .child(menu_button(menu_open))
            .part(move || [self.title()])
            .child(count)
            .part(move || if owned.get() { self.owner_buttons() } else { Vec::new() })
            .child(people)
    }

    fn title(self) -> El {
        let Self { name, renaming, rename_busy, rename_error, on_rename, .. } = self;
        if renaming.get() {
            RoomForm {
                id: "room-name",
                label: "Room name",
                action: "Save",
                initial: name.get_untracked(),
                busy: rename_busy,
                error: rename_error,
                done: RwSignal::new(0),
                on_submit: on_rename,
                on_cancel: Some(Callback::new(move |()| self.stop_renaming())),
            }
            .view()
        } else {
            let words = el("span").class("room-title-name").attr("dir", "auto").live_text(move || name.get());
            el("h1").class("room-title").attr("tabindex", "-1").child(icon("hash")).child(words)
        }
    }

    fn owner_buttons(self) -> Vec<El> {
        let Self { renaming, on_delete, .. } = self;
        let toggle = move || {
            if renaming.get_untracked() {
                self.stop_renaming();
            } else {
                renaming.set(true);
                request_animation_frame(|| browser::focus("#room-name"));
            }
        };
        let rename = icon_button("Rename room", "pencil")
            .attr("id", "rename")
            .live_flag("aria-expanded", move || renaming.get())
            .on_click(toggle);
        vec![rename, icon_button("Delete room", "bin").on_click(move || on_delete.run(()))]
    }

    fn stop_renaming(self) {
        self.renaming.set(false);
        self.rename_error.set(None);
        request_animation_frame(|| browser::focus("#rename"));
    }
}

/// Opens the sidebar on a phone.
pub fn menu_button(open: RwSignal<bool>) -> El {
    icon_button("Open menu", "menu")
        .attr("id", "menu-button")
        .class("icon-button menu-button")
        .attr("aria-controls", "sidebar")
        .live_flag("aria-expanded", move || open.get())
        .on_click(move || open.set(true))
}
