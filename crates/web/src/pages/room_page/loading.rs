//! Loading a room's messages: the first page, older and newer ones, and what to do when that fails.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::{MessageId, Rev};
use shared::messages::Message;
use shared::page::Page;

use super::Context;
use crate::browser::{self, keys};
use crate::client::messages::Slice;
use crate::client::{self, ClientError};
use crate::components::message_list::Start;
use crate::reactive::{effect, memo};
use crate::route::Route;
use crate::state::messages::Timeline;
use crate::state::toasts::Tone;

impl Context {
    /// Loads the first page, and again when the URL points at a message that is not at hand, or when a failure may be
    /// over because the connection is back.
    pub(super) fn load_when_needed(self, pointed: Memo<Option<MessageId>>) {
        let Self { state, room_id, .. } = self;
        let is_open = memo(move || state.connection.with(|connection| connection.is_open()));
        effect(move || {
            if is_open.get() && self.failure.with_untracked(Option::is_some) {
                self.load(pointed.get_untracked());
            }
        });
        Effect::new(move |before: Option<Option<MessageId>>| {
            let pointed = pointed.get();
            let (loaded, at_hand) = state.timelines.with_untracked(|timelines| {
                timelines.get(&room_id).map_or((false, false), |timeline| {
                    let at_hand = pointed.is_none_or(|id| timeline.get(id).is_some());
                    (timeline.is_loaded(), at_hand)
                })
            });
            if !loaded || !at_hand {
                self.load(pointed);
            } else if before.is_none() || pointed.is_some() {
                self.start.set(Some(pointed.map_or(Start::Newest, Start::At)));
            }
            pointed
        });
    }

    /// Loads the newest page, or the one around a message, and the room itself when it is not in the list.
    pub(super) fn load(self, pointed: Option<MessageId>) {
        let Self { state, live, room_id, .. } = self;
        self.failure.set(None);
        let request = self.begin_request();
        self.overlays.loading.set(true);
        if state.rooms.with_untracked(|rooms| rooms.get(room_id).is_none()) {
            spawn_local(async move {
                match client::rooms::get(room_id).await {
                    Ok(room) => live.take_room(room),
                    Err(error) if self.is_open() => self.failed(&error),
                    Err(_) => {}
                }
            });
        }
        // From here on the timeline takes in what comes live.
        state.with_timeline(room_id, |_| ());
        let followed = state.follows.with_value(|follows| follows.since(room_id).is_some());
        spawn_local(async move {
            let slice = pointed.map_or(Slice::Newest, Slice::Around);
            let outcome = client::messages::list(room_id, slice).await;
            if !self.end_request(request) {
                return;
            }
            self.overlays.loading.set(false);
            match outcome {
                Ok(page) => {
                    if !followed {
                        let rev = page.items.iter().map(|message| message.rev).max();
                        live.rewind(room_id, rev.unwrap_or(Rev::ZERO));
                    }
                    self.show(page, pointed.map_or(Start::Newest, Start::At));
                }
                Err(error) if error.is_missing() && pointed.is_some() => {
                    state.toast(Tone::Error, "That message is not in this room.", browser::now());
                    self.navigation.replace(Route::Room(room_id));
                }
                Err(error) => self.failed(&error),
            }
        });
    }

    fn show(self, page: Page<Message>, start: Start) {
        self.state.apply_page(self.room_id, page, Timeline::show);
        self.start.set(Some(start));
    }

    fn failed(self, error: &ClientError) {
        if error.is_missing() {
            self.missing.set(true);
            self.state.timelines.update(|timelines| {
                timelines.remove(&self.room_id);
            });
            if browser::load(keys::LAST_ROOM).is_some_and(|last| last == self.room_id.to_string()) {
                browser::save(keys::LAST_ROOM, "");
            }
        } else {
            // What is at hand stays in place, and the failure is noted beside it.
            let is_loaded = self
                .state
                .timelines
                .with_untracked(|timelines| timelines.get(&self.room_id).is_some_and(Timeline::is_loaded));
            if is_loaded {
                self.state.toast(Tone::Error, error.sentence(), browser::now());
            }
            self.failure.set(Some(error.sentence()));
        }
    }

    /// Whether the person is still in this room. Answers that come later do nothing.
    fn is_open(self) -> bool {
        self.loading.try_get_untracked().is_some()
    }

    /// A page of messages is asked for. What was asked before is not waited for any longer.
    fn begin_request(self) -> u32 {
        self.loading.set(true);
        self.request
            .try_update_value(|number| {
                *number += 1;
                *number
            })
            .unwrap_or(0)
    }

    /// The answer to a request is there. Returns whether it is the one that is waited for.
    fn end_request(self, request: u32) -> bool {
        let is_awaited = self.request.try_get_value() == Some(request);
        if is_awaited {
            self.loading.set(false);
        }
        is_awaited
    }

    /// Loads the page before what is at hand.
    pub(super) fn load_older(self) {
        let older = |timeline: &mut Timeline| timeline.older().cloned();
        let cursor = self.state.with_timeline(self.room_id, older).flatten();
        if let Some(cursor) = cursor {
            self.load_more(Slice::Before(cursor), Timeline::prepend);
        }
    }

    /// Loads the page after what is at hand.
    pub(super) fn load_newer(self) {
        let newer = |timeline: &mut Timeline| timeline.newer().cloned();
        let cursor = self.state.with_timeline(self.room_id, newer).flatten();
        if let Some(cursor) = cursor {
            self.load_more(Slice::After(cursor), Timeline::append);
        }
    }

    fn load_more(self, slice: Slice, add: fn(&mut Timeline, Page<Message>)) {
        if self.loading.get_untracked() {
            return;
        }
        let request = self.begin_request();
        spawn_local(async move {
            let outcome = client::messages::list(self.room_id, slice).await;
            if !self.end_request(request) {
                return;
            }
            match outcome {
                Ok(page) => self.state.apply_page(self.room_id, page, add),
                // What is at hand stays; scrolling on, or the button, tries again.
                Err(error) => self.state.toast(Tone::Error, error.sentence(), browser::now()),
            }
        });
    }

    /// Goes to the newest messages, away from the ones around a link.
    pub(super) fn show_latest(self) {
        if self.navigation.here().message().is_some() {
            self.navigation.go(Route::Room(self.room_id));
        }
        self.load(None);
    }
}
