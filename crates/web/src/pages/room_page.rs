//! A room: its header, its messages, the composer, and who is there.

mod actions;
mod loading;
mod reading;

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::{MessageId, RoomId};

use crate::app::Overlays;
use crate::browser::{self, keys};
use crate::client;
use crate::components::composer::{Composer, Draft};
use crate::components::message_item::Rights;
use crate::components::message_list::{Edges, MessageList, RowTable, Start};
use crate::components::people_panel::PeoplePanel;
use crate::components::room_header::RoomHeader;
use crate::components::room_list::skeleton;
use crate::dom::{El, button, el};
use crate::live::Live;
use crate::navigation::Navigation;
use crate::pages::not_found_page::not_found_page;
use crate::reactive::{derived, effect, memo};
use crate::session::become_guest;
use crate::state::State;
use crate::state::rows::{MessageRow, rows};
use crate::state::toasts::Tone;
use crate::state::typing::Typing;

/// So many messages of a room stay at hand when one leaves it.
const KEPT: usize = 90;

/// What the parts of the page share.
#[derive(Clone, Copy)]
struct Context {
    state: State,
    live: Live,
    navigation: Navigation,
    overlays: Overlays,
    room_id: RoomId,
    /// Whether a page of messages is on its way.
    loading: RwSignal<bool>,
    /// The number of the latest request for a page.
    request: StoredValue<u32>,
    /// There is no such room.
    missing: RwSignal<bool>,
    /// Why the messages could not be loaded.
    failure: RwSignal<Option<String>>,
    start: RwSignal<Option<Start>>,
    at_end: RwSignal<bool>,
    /// The message that is being edited.
    editing: RwSignal<Option<MessageId>>,
}

/// The page of one room; another room is another page.
pub fn room_page(room_id: RoomId, pointed: Memo<Option<MessageId>>) -> El {
    let page = Context {
        state: expect_context(),
        live: expect_context(),
        navigation: expect_context(),
        overlays: expect_context(),
        room_id,
        loading: RwSignal::new(false),
        request: StoredValue::new(0),
        missing: RwSignal::new(false),
        failure: RwSignal::new(None),
        start: RwSignal::new(None),
        at_end: RwSignal::new(true),
        editing: RwSignal::new(None),
    };
    page.load_when_needed(pointed);
    on_cleanup(move || {
        page.state.timelines.update(|timelines| {
            if let Some(timeline) = timelines.get_mut(&room_id) {
                timeline.trim(KEPT);
            }
        });
        page.overlays.loading.set(false);
    });
    el("div").class("room-page").part(move || page.content(pointed))
}

impl Context {
    fn content(self, pointed: Memo<Option<MessageId>>) -> Vec<El> {
        let Self { state, overlays, .. } = self;
        if self.missing.get() {
            return vec![not_found_page(overlays.menu)];
        }
        let (list, note) = self.messages(pointed);
        let room = el("main")
            .attr("id", "main")
            .class("room")
            .attr("tabindex", "-1")
            .child(self.header())
            .child(list)
            .part(note)
            .child(self.composer());
        let me = derived(move || state.identity.with(|identity| identity.user().map(|user| user.id)));
        vec![room, PeoplePanel { presence: state.presence, me, open: overlays.people }.view()]
    }

    fn header(self) -> El {
        let Self { state, overlays, room_id, .. } = self;
        let renaming = RwSignal::new(false);
        let rename_busy = RwSignal::new(false);
        let rename_error = RwSignal::new(None);
        // Counts the forms that were opened and closed: an answer is for the one that asked.
        let form = StoredValue::new(0_u32);
        effect(move || {
            renaming.track();
            form.update_value(|number| *number += 1);
            rename_busy.set(false);
        });
        let on_rename = Callback::new(move |name| {
            let asking = form.get_value();
            rename_busy.set(true);
            spawn_local(async move {
                let outcome = client::rooms::update(room_id, name).await;
                let is_open = form.try_get_value() == Some(asking);
                match outcome {
                    Ok(room) => {
                        state.rooms.update(|rooms| rooms.insert(room));
                        if is_open {
                            renaming.set(false);
                            rename_error.set(None);
                        }
                    }
                    Err(error) if is_open => {
                        rename_error.set(Some(error.sentence()));
                        rename_busy.set(false);
                    }
                    Err(error) => state.toast(Tone::Error, error.sentence(), browser::now()),
                }
            });
        });
        RoomHeader {
            name: self.room_name(),
            online: memo(move || state.presence.with(|presence| presence.online as usize)),
            owned: memo(move || self.owns_room()),
            menu_open: overlays.menu,
            people_open: overlays.people,
            renaming,
            rename_busy,
            rename_error,
            on_rename,
            on_delete: Callback::new(move |()| self.ask_to_delete_room()),
        }
        .view()
    }

    /// The list, and what stands in its place while it is empty.
    fn messages(self, pointed: Memo<Option<MessageId>>) -> (El, impl Fn() -> Option<El> + 'static) {
        let Self { state, room_id, loading, failure, .. } = self;
        let new_after = self.follow_reading();
        let table = memo(move || {
            let new_after = new_after.get();
            let rows = state.timelines.with(|timelines| {
                timelines
                    .get(&room_id)
                    .map(|it| rows(it, &state.unsent(room_id), new_after, browser::local_day))
            });
            Arc::new(RowTable::new(rows.unwrap_or_default()))
        });
        let edges = memo(move || {
            let loading = loading.get();
            state.timelines.with(|timelines| match timelines.get(&room_id) {
                Some(timeline) => Edges {
                    loaded: timeline.is_loaded(),
                    older: timeline.older().is_some(),
                    newer: timeline.newer().is_some(),
                    loading,
                },
                None => Edges { loaded: false, older: false, newer: false, loading },
            })
        });
        let unread = derived(move || {
            state.rooms.with(|rooms| {
                rooms.get(room_id).map_or(0, |room| state.reading.with(|reading| reading.unread(room)))
            })
        });
        let list = MessageList {
            room_name: self.room_name(),
            table,
            edges,
            unread,
            start: self.start,
            at_end: self.at_end,
            rights: Callback::new(move |row| self.rights(&row)),
            pointed,
            actions: self.actions(),
            on_older: Callback::new(move |()| self.load_older()),
            on_newer: Callback::new(move |()| self.load_newer()),
            on_latest: Callback::new(move |()| self.show_latest()),
        };
        let blank = memo(move || table.with(|table| **table == RowTable::default()));
        let note = move || {
            if let Some(failure) = failure.get().filter(|_| blank.get()) {
                let again = button("button primary").text("Try again");
                let again = again.on_click(move || self.load(pointed.get_untracked()));
                return Some(empty("The messages could not be loaded", &failure).child(again));
            }
            match (blank.get(), edges.get().loaded) {
                (false, _) => None,
                (true, false) => Some(skeleton("skeleton-rows", 5)),
                (true, true) => Some(empty(
                    "It is quiet in here",
                    "Be the first to say something: the field below is yours.",
                )),
            }
        };
        (list.view(), note)
    }

    fn composer(self) -> El {
        let Self { state, live, room_id, editing, .. } = self;
        let draft = RwSignal::new(browser::load(&keys::draft(room_id)).unwrap_or_default());
        let name_error = RwSignal::new(None);
        let busy = RwSignal::new(false);
        effect(move || browser::save_soon(keys::draft(room_id), draft.get()));
        let on_send = move |sent: Draft| {
            let Some(name) = sent.name else {
                draft.set(String::new());
                return self.send(&sent.text);
            };
            busy.set(true);
            spawn_local(async move {
                match become_guest(state, live, name).await {
                    Ok(()) => {
                        draft.try_set(String::new());
                        self.send(&sent.text);
                    }
                    Err(error) if error.is_passing() => {
                        state.toast(Tone::Error, error.sentence(), browser::now());
                    }
                    Err(error) => drop(name_error.try_set(Some(error.sentence()))),
                }
                busy.try_set(false);
                request_animation_frame(|| browser::focus("#composer"));
            });
        };
        let on_edit_last = move |()| {
            let last = state.me().and_then(|me| {
                state.timelines.with_untracked(|timelines| {
                    timelines.get(&room_id)?.last_by(me).map(|message| message.id)
                })
            });
            if last.is_some() {
                editing.set(last);
            }
        };
        Composer {
            room_name: self.room_name(),
            identity: state.identity,
            draft,
            name_error,
            busy,
            typing: memo(move || state.typing.with(Typing::sentence)),
            on_send: Callback::new(on_send),
            on_typing: Callback::new(move |()| live.typing(room_id)),
            on_edit_last: Callback::new(on_edit_last),
        }
        .view()
    }

    fn room_name(self) -> Memo<String> {
        let Self { state, room_id, .. } = self;
        memo(move || {
            let name = state.rooms.with(|rooms| rooms.get(room_id).map(|room| room.name.as_str().to_owned()));
            name.unwrap_or_default()
        })
    }

    fn owns_room(self) -> bool {
        let owner = self.state.rooms.with(|rooms| rooms.get(self.room_id).and_then(|room| room.created_by));
        owner.is_some() && owner == self.state.identity.with(|identity| identity.user().map(|user| user.id))
    }

    fn rights(self, row: &MessageRow) -> Rights {
        let me = self.state.identity.with(|identity| identity.user().map(|user| user.id));
        let own = me == Some(row.message.author.id);
        Rights { edit: own, delete: own || self.owns_room() }
    }
}

fn empty(title: &str, words: &str) -> El {
    el("div").class("empty").child(el("h2").text(title)).child(el("p").text(words))
}
