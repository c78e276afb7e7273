//! A room: its header, its messages, the composer, and who is there.

mod actions;
mod loading;
mod reading;

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::{MessageId, RoomId};

use crate::app::{Overlays, become_guest};
use crate::browser::{self, keys};
use crate::client;
use crate::components::composer::{Composer, Draft};
use crate::components::message_item::Rights;
use crate::components::message_list::{Edges, MessageList, RowTable, Start};
use crate::components::people_panel::PeoplePanel;
use crate::components::room_header::RoomHeader;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::pages::not_found_page::NotFoundPage;
use crate::shapes::{act, derived, effect, memo, part};
use crate::state::State;
use crate::state::rows::{MessageRow, rows};
use crate::state::toasts::Tone;

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
#[component]
pub fn RoomPage(
    /// The room.
    room_id: RoomId,
    /// The message that the URL points at.
    pointed: Memo<Option<MessageId>>,
) -> impl IntoView {
    let page = Context {
        state: expect_context(),
        live: expect_context(),
        navigation: expect_context(),
        overlays: expect_context(),
        room_id,
        loading: RwSignal::new(false),
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
    part(move || {
        if page.missing.get() {
            return view! { <NotFoundPage menu_open=page.overlays.menu /> }.into_any();
        }
        view! {
            <main id="main" class="room" tabindex="-1">
                <Header page />
                <Messages page pointed />
                <Writing page />
            </main>
            <PeoplePanel
                presence=page.state.presence
                me=derived(move || {
                    page.state.identity.with(|identity| identity.user().map(|user| user.id))
                })
                open=page.overlays.people
            />
        }
        .into_any()
    })
}

#[component]
fn Header(page: Context) -> impl IntoView {
    let Context { state, overlays, room_id, .. } = page;
    let renaming = RwSignal::new(false);
    let rename_busy = RwSignal::new(false);
    let rename_error = RwSignal::new(None);
    let on_rename = Callback::new(move |name| {
        rename_busy.set(true);
        spawn_local(async move {
            match client::rooms::update(room_id, name).await {
                Ok(room) => {
                    state.rooms.update(|rooms| rooms.insert(room));
                    renaming.try_set(false);
                    rename_error.try_set(None);
                }
                Err(error) => drop(rename_error.try_set(Some(error.sentence()))),
            }
            rename_busy.try_set(false);
        });
    });
    let on_delete = Callback::new(move |()| page.ask_to_delete_room());
    view! {
        <RoomHeader
            name=derived(move || page.room_name())
            online=derived(move || state.presence.with(|presence| presence.people.len()))
            owned=memo(move || page.owns_room())
            menu_open=overlays.menu
            people_open=overlays.people
            renaming
            rename_busy
            rename_error
            on_rename
            on_delete
        />
    }
}

#[component]
fn Messages(page: Context, pointed: Memo<Option<MessageId>>) -> impl IntoView {
    let Context { state, room_id, loading, at_end, .. } = page;
    let new_after = page.follow_reading();
    let table = memo(move || {
        let new_after = new_after.get();
        let rows = state.timelines.with(|timelines| {
            timelines.get(&room_id).map(|timeline| rows(timeline, new_after, browser::local_day))
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
    let empty = memo(move || {
        state.timelines.with(|timelines| timelines.get(&room_id).is_some_and(|timeline| timeline.is_empty()))
    });
    let note = move || {
        if let Some(failure) = page.failure.get() {
            return view! {
                <div class="empty">
                    <h2>"The messages could not be loaded"</h2>
                    <p>{failure}</p>
                    <button type="button" class="button primary" on:click=act(move || page.load(pointed.get_untracked()))>
                        "Try again"
                    </button>
                </div>
            }
            .into_any();
        }
        if empty.get() {
            return view! {
                <div class="empty">
                    <h2>"It is quiet in here"</h2>
                    <p>"Be the first to say something: the field below is yours."</p>
                </div>
            }
            .into_any();
        }
        if !edges.get().loaded && table.with(|table| **table == RowTable::default()) {
            return view! { <div class="skeleton-rows" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></div> }
                .into_any();
        }
        ().into_any()
    };
    view! {
        <MessageList
            room_name=derived(move || page.room_name())
            table
            edges
            unread
            start=page.start
            at_end
            rights=Callback::new(move |row| page.rights(&row))
            pointed
            actions=page.actions()
            on_older=Callback::new(move |()| page.load_older())
            on_newer=Callback::new(move |()| page.load_newer())
            on_latest=Callback::new(move |()| page.show_latest())
        />
        {part(note)}
    }
    .into_any()
}

#[component]
fn Writing(page: Context) -> impl IntoView {
    let Context { state, live, room_id, .. } = page;
    let draft = RwSignal::new(browser::load(&keys::draft(room_id)).unwrap_or_default());
    let name_error = RwSignal::new(None);
    let busy = RwSignal::new(false);
    effect(move || browser::save(&keys::draft(room_id), &draft.get()));
    let on_send = Callback::new(move |sent: Draft| {
        let Some(name) = sent.name else {
            draft.set(String::new());
            return page.send(&sent.text);
        };
        busy.set(true);
        spawn_local(async move {
            match become_guest(state, live, name).await {
                Ok(()) => {
                    draft.try_set(String::new());
                    page.send(&sent.text);
                }
                Err(error) if error.is_passing() => {
                    state.toast(Tone::Error, error.sentence(), browser::now());
                }
                Err(error) => drop(name_error.try_set(Some(error.sentence()))),
            }
            busy.try_set(false);
            request_animation_frame(|| browser::focus("#composer"));
        });
    });
    let on_edit_last = Callback::new(move |()| {
        if let Some(me) = state.me() {
            let last = state.timelines.with_untracked(|timelines| {
                timelines.get(&room_id).and_then(|timeline| timeline.last_by(me).map(|message| message.id))
            });
            if last.is_some() {
                page.editing.set(last);
            }
        }
    });
    view! {
        <Composer
            room_name=derived(move || page.room_name())
            identity=state.identity
            draft
            name_error
            busy
            typing=derived(move || state.typing.with(crate::state::typing::Typing::sentence))
            on_send
            on_typing=Callback::new(move |()| live.typing(room_id))
            on_edit_last
        />
    }
}

impl Context {
    fn room_name(self) -> String {
        let name = |rooms: &crate::state::rooms::RoomList| {
            rooms.get(self.room_id).map(|room| room.name.as_str().to_owned())
        };
        self.state.rooms.with(name).unwrap_or_default()
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
