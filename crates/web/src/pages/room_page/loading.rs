//! Loads a room's messages: the first page, and older and newer ones.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::{MessageId, Rev};
use shared::messages::MessagePage;

use crate::boxed::{effect, memo};
use crate::browser::{self, keys};
use crate::client::messages::Slice;
use crate::client::{self, ClientError};
use crate::components::message_list::target::ScrollTarget;
use crate::pages::room_page::context::RoomContext;
use crate::route::Route;
use crate::state::messages::{Edge, Reader, Timeline};
use crate::state::toasts::Tone;

/// The height of the smallest row.
const ROW_PIXELS: usize = 24;
/// What is loaded besides the screen: the distances from both ends at which a page is loaded, and that page. With less,
/// loading at one end would make the list load at the other.
const ROWS_BEYOND_PIXELS: usize = 2_080;

impl RoomContext {
    /// Loads the first page. Loads again when the URL points at a message that is not loaded, and when the connection is
    /// back after a failure.
    pub fn load_when_needed(self, pointed: Memo<Option<MessageId>>) {
        let Self { state, room_id, .. } = self;
        let is_open = memo(move || state.connection.with(|connection| connection.is_open()));
        effect(move || {
            if is_open.get() && self.failure.with_untracked(Option::is_some) {
                self.load(ScrollTarget::opening(pointed.get_untracked()));
            }
        });
        // The list brings most rooms.
        Effect::new(move |was_known: Option<bool>| {
            let (is_listed, is_known) = state.rooms.with(|it| (it.is_loaded(), it.get(room_id).is_some()));
            if is_listed && !is_known && was_known != Some(true) {
                self.find_room();
            }
            // The user signed in, or was added: the room is there after all.
            if is_known && self.missing.get_untracked() {
                self.missing.set(false);
                self.load(ScrollTarget::opening(pointed.get_untracked()));
            }
            is_known || was_known == Some(true)
        });
        let mut is_first = true;
        effect(move || {
            let place = self.navigation.take_place();
            let target = match (pointed.get(), place) {
                (None, Some(id)) => ScrollTarget::Place(id),
                // From a link to a message, the room's own link leads to the end.
                (None, None) if !is_first => ScrollTarget::Newest,
                (pointed, _) => ScrollTarget::opening(pointed),
            };
            is_first = false;
            let is_shown = state.timelines.with_value(|timelines| {
                let timeline = timelines.get(room_id).filter(|timeline| timeline.is_loaded());
                timeline.is_some_and(|timeline| match target {
                    ScrollTarget::Message(id) | ScrollTarget::Place(id) => timeline.get(id).is_some(),
                    ScrollTarget::Newest => timeline.is_at_newest(),
                    ScrollTarget::Unread => {
                        let first = timeline.messages().first().map(|message| message.seq);
                        self.unread_above(first).is_none()
                    }
                })
            });
            if is_shown {
                self.drop_request();
                self.target.set(Some(target));
            } else {
                self.load(target);
            }
        });
    }

    /// Tells the timeline how the user looks at it.
    pub fn keep_what_is_read(self) {
        let Self { state, room_id, at_end, editing, .. } = self;
        effect(move || {
            let limit = browser::window_height().saturating_add(ROWS_BEYOND_PIXELS) / ROW_PIXELS;
            let reader = Reader { is_away: !at_end.get(), edits: editing.get(), limit };
            state.timelines.update_value(|timelines| timelines.make(room_id).set_reader(reader));
        });
    }

    /// Loads the room itself.
    fn find_room(self) {
        spawn_local(async move {
            match client::rooms::get(self.room_id).await {
                Ok(room) => self.live.take_room(room),
                Err(error) if self.is_open() => self.failed(&error),
                Err(_) => {}
            }
        });
    }

    /// Loads the page with the target.
    pub fn load(self, target: ScrollTarget) {
        if self.failure.with_untracked(Option::is_some) {
            self.failure.set(None);
            self.find_room();
        }
        let slice = match target {
            ScrollTarget::Newest | ScrollTarget::Unread => Slice::Newest,
            ScrollTarget::Message(id) | ScrollTarget::Place(id) => Slice::Around(id),
        };
        self.load_slice(target, slice);
    }

    fn load_slice(self, target: ScrollTarget, slice: Slice) {
        let Self { state, live, room_id, .. } = self;
        let request = self.begin_request();
        self.overlays.loading.set(true);
        // From here on the timeline receives live events.
        state.with_timeline(room_id, |_| ());
        let followed = state.follows.with_value(|follows| follows.since(room_id).is_some());
        spawn_local(async move {
            let is_newest = matches!(slice, Slice::Newest);
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
                    let unread = self.unread_above(page.items.first().map(|message| message.seq));
                    match unread.filter(|_| is_newest && target == ScrollTarget::Unread) {
                        Some(unread) => self.load_slice(target, Slice::AroundSeq(unread)),
                        None => {
                            state.apply_page(room_id, page, Timeline::show);
                            self.target.set(Some(target));
                        }
                    }
                }
                Err(error) if error.is_missing() && matches!(target, ScrollTarget::Message(_)) => {
                    state.toast(Tone::Error, "That message is not in this room.", browser::now());
                    self.navigation.replace(Route::Room(room_id));
                }
                // The row of that place is gone, but the room may be there.
                Err(error) if error.is_missing() && matches!(target, ScrollTarget::Place(_)) => {
                    self.load(ScrollTarget::Newest);
                }
                Err(error) => self.failed(&error),
            }
        });
    }

    fn failed(self, error: &ClientError) {
        if error.is_missing() {
            self.missing.set(true);
            self.state.timelines.update_value(|timelines| timelines.remove(self.room_id));
            if browser::load(keys::LAST_ROOM).is_some_and(|last| last == self.room_id.to_string()) {
                browser::save(keys::LAST_ROOM, "");
            }
        } else {
            // Loaded messages stay, and the failure is shown beside them.
            let is_loaded = self
                .state
                .timelines
                .with_value(|timelines| timelines.get(self.room_id).is_some_and(Timeline::is_loaded));
            if is_loaded {
                self.state.toast(Tone::Error, error.sentence(), browser::now());
            }
            self.failure.set(Some(error.sentence()));
        }
    }

    /// Whether the user is still in this room. Later responses are ignored.
    fn is_open(self) -> bool {
        self.loading.try_get_untracked().is_some()
    }

    /// Starts a request for a page of messages. The response to an earlier one will be ignored.
    fn begin_request(self) -> u32 {
        self.loading.set(true);
        let next = |number: &mut u32| {
            *number += 1;
            *number
        };
        self.request.try_update_value(next).unwrap_or(0)
    }

    /// The page is not needed any more. Its response will be ignored.
    fn drop_request(self) {
        if self.loading.get_untracked() {
            self.request.update_value(|number| *number += 1);
            self.loading.set(false);
            self.overlays.loading.set(false);
        }
    }

    /// A response arrived. Returns whether it belongs to the latest request.
    fn end_request(self, request: u32) -> bool {
        let is_latest = self.request.try_get_value() == Some(request);
        if is_latest {
            self.loading.set(false);
        }
        is_latest
    }

    /// Loads the page before the loaded messages.
    pub fn load_older(self) {
        match self.state.timelines.with_value(|it| it.get(self.room_id)?.older().cloned()) {
            Some(Edge::Cursor(cursor)) => self.load_more(Slice::Before(cursor), Timeline::prepend),
            Some(Edge::Message(id)) => self.load_more(Slice::Beside(id), Timeline::prepend),
            None => {}
        }
    }

    /// Loads the page after the loaded messages.
    pub fn load_newer(self) {
        match self.state.timelines.with_value(|it| it.get(self.room_id)?.newer().cloned()) {
            Some(Edge::Cursor(cursor)) => self.load_more(Slice::After(cursor), Timeline::append),
            Some(Edge::Message(id)) => self.load_more(Slice::Beside(id), Timeline::append),
            None => {}
        }
    }

    fn load_more(self, slice: Slice, add: fn(&mut Timeline, MessagePage)) {
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
                // Scrolling, or the button, tries again.
                Err(error) => self.state.toast(Tone::Error, error.sentence(), browser::now()),
            }
        });
    }

    /// Shows the newest messages instead of those around a link.
    pub fn show_latest(self) {
        if self.navigation.here().message().is_some() {
            // The change of the route loads them.
            self.navigation.go(Route::Room(self.room_id));
        } else {
            self.load(ScrollTarget::Newest);
        }
    }
}
