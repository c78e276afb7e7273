//! Everything the client knows, as signals around pure structs, and the one door by which events come in.
//!
//! The structs in `state/*` know no browser and no Leptos. This file only puts them into signals and hands each event
//! to all of them.

pub mod connection;
pub mod follow;
pub mod messages;
pub mod presence;
pub mod reading;
pub mod rooms;
pub mod rows;
#[cfg(test)]
pub mod samples;
pub mod toasts;
pub mod typing;

use std::collections::HashMap;

use leptos::prelude::*;
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::ids::{Rev, RoomId, UserId};
use shared::messages::{Changes, Message};
use shared::users::User;

use crate::state::connection::Connection;
use crate::state::follow::Follows;
use crate::state::messages::Timeline;
use crate::state::presence::Presence;
use crate::state::reading::ReadMarks;
use crate::state::rooms::RoomList;
use crate::state::toasts::{Toasts, Tone};
use crate::state::typing::Typing;

/// Who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The server has not said yet.
    Unknown,
    /// Nobody: one can read.
    Anonymous,
    /// Somebody.
    User(User),
}

impl Identity {
    /// The user one is.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            Self::Unknown | Self::Anonymous => None,
        }
    }
}

/// What remains to be done after an event came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followup {
    /// Changes were missed: ask for all after `since`.
    CatchUp {
        /// The room.
        room_id: RoomId,
        /// The last change one has.
        since: Rev,
    },
    /// A room appeared: follow it.
    Follow(RoomId),
    /// A room is gone.
    Gone {
        /// The room.
        room_id: RoomId,
        /// What it was called.
        name: String,
    },
}

/// Everything the client knows.
#[derive(Clone, Copy)]
pub struct State {
    /// Who one is.
    pub identity: RwSignal<Identity>,
    /// The rooms.
    pub rooms: RwSignal<RoomList>,
    /// How far each room has been followed. Nothing is drawn from it.
    pub follows: StoredValue<Follows>,
    /// What one has loaded of each room.
    pub timelines: RwSignal<HashMap<RoomId, Timeline>>,
    /// Who is in the open room.
    pub presence: RwSignal<Presence>,
    /// Who types in the open room.
    pub typing: RwSignal<Typing>,
    /// How far one has read each room.
    pub reading: RwSignal<ReadMarks>,
    /// The connection to the server.
    pub connection: RwSignal<Connection>,
    /// The notices at the top right.
    pub toasts: RwSignal<Toasts>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            identity: RwSignal::new(Identity::Unknown),
            rooms: RwSignal::default(),
            follows: StoredValue::new(Follows::default()),
            timelines: RwSignal::default(),
            presence: RwSignal::default(),
            typing: RwSignal::default(),
            reading: RwSignal::default(),
            connection: RwSignal::default(),
            toasts: RwSignal::default(),
        }
    }
}

impl State {
    /// Who one is, not tracked.
    pub fn me(&self) -> Option<UserId> {
        self.identity.with_untracked(|identity| identity.user().map(|user| user.id))
    }

    /// Shows a notice.
    pub fn toast(&self, tone: Tone, text: impl Into<String>, now: i64) {
        let text = text.into();
        self.toasts.update(|toasts| toasts.push(tone, text, now));
    }

    /// The one door: an event comes in. Returns what remains to be done.
    pub fn apply(&self, event: ServerEvent, now: i64) -> Option<Followup> {
        if let Some(id) = self.room_that_goes(&event) {
            return Some(self.remove_room(id.0, id.1));
        }
        let appeared = match &event {
            ServerEvent::RoomCreated(change) => Some(change.room.id),
            _ => None,
        };
        self.apply_to_rooms(&event);
        if self.presence.with_untracked(|presence| {
            let mut next = presence.clone();
            next.apply(&event);
            next != *presence
        }) {
            self.presence.update(|presence| presence.apply(&event));
        }
        let me = self.me();
        self.typing.maybe_update(|typing| typing.apply(&event, me, now));

        let caught_up = match event {
            ServerEvent::MessageCreated(change)
            | ServerEvent::MessageUpdated(change)
            | ServerEvent::MessageDeleted(change) => {
                self.apply_message(change.message);
                self.follow(|follows| follows.applied(change.room_id, change.rev, true), change.room_id)
            }
            ServerEvent::RoomUpdated(change) => {
                self.follow(|follows| follows.applied(change.room.id, change.rev, false), change.room.id)
            }
            ServerEvent::Subscribed { room, rev, .. } => {
                self.follows.update_value(|follows| follows.subscribed(room.id, rev));
                None
            }
            ServerEvent::Resync { room_id } => self.follow(|follows| follows.resync(room_id), room_id),
            ServerEvent::Hello { user, .. } => {
                let identity = user.map_or(Identity::Anonymous, Identity::User);
                self.identity.maybe_update(|known| {
                    let changed = *known != identity;
                    *known = identity;
                    changed
                });
                None
            }
            ServerEvent::RoomCreated(_)
            | ServerEvent::RoomDeleted(_)
            | ServerEvent::Presence { .. }
            | ServerEvent::Typing { .. }
            | ServerEvent::Pong { .. }
            | ServerEvent::Error { .. }
            | ServerEvent::Unknown => None,
        };
        caught_up.or(appeared.map(Followup::Follow))
    }

    /// Takes in a message however it came.
    pub fn apply_message(&self, message: Message) {
        let room_id = message.room_id;
        let own = Some(message.author.id) == self.me();
        if own {
            self.mark_read(room_id, message.seq);
        }
        self.rooms.update(|rooms| rooms.reach(room_id, message.seq));
        self.timelines.maybe_update(|timelines| match timelines.get_mut(&room_id) {
            Some(timeline) => {
                timeline.apply(message);
                true
            }
            None => false,
        });
    }

    /// Takes in a page of `changes?since`. Returns the next `since` when there is more.
    pub fn apply_changes(&self, changes: Changes) -> Option<Rev> {
        let room_id = changes.room.id;
        for message in changes.messages {
            self.apply_message(message);
        }
        self.rooms.update(|rooms| rooms.insert(changes.room));
        let (rev, has_more) = (changes.rev, changes.has_more);
        self.follows.try_update_value(|follows| follows.caught_up(room_id, rev, has_more)).flatten()
    }

    /// Changes one timeline, which is made when there is none.
    pub fn with_timeline<T>(&self, room_id: RoomId, change: impl FnOnce(&mut Timeline) -> T) -> Option<T> {
        self.timelines.try_update(|timelines| {
            change(timelines.entry(room_id).or_insert_with(|| Timeline::new(room_id)))
        })
    }

    /// One has read up to here.
    pub fn mark_read(&self, room_id: RoomId, seq: shared::ids::Seq) {
        self.reading.maybe_update(|reading| reading.read(room_id, seq));
    }

    /// Lets go of a room.
    pub fn remove_room(&self, room_id: RoomId, name: String) -> Followup {
        self.rooms.update(|rooms| {
            rooms.remove(room_id);
        });
        self.timelines.update(|timelines| {
            timelines.remove(&room_id);
        });
        self.reading.update(|reading| reading.forget(room_id));
        self.follows.update_value(|follows| follows.stop(room_id));
        Followup::Gone { room_id, name }
    }

    fn room_that_goes(&self, event: &ServerEvent) -> Option<(RoomId, String)> {
        match event {
            ServerEvent::RoomDeleted(change) => Some((change.room.id, change.room.name.as_str().to_owned())),
            // It was deleted while one was away, so its last event is one that never comes.
            ServerEvent::Error { code: ErrorCode::RoomNotFound, room_id: Some(room_id), .. } => {
                let room = self.rooms.with_untracked(|rooms| rooms.get(*room_id).cloned())?;
                Some((*room_id, room.name.as_str().to_owned()))
            }
            _ => None,
        }
    }

    fn apply_to_rooms(&self, event: &ServerEvent) {
        let before = event.room_id().and_then(|id| self.rooms.with_untracked(|rooms| rooms.get(id).cloned()));
        if matches!(
            event,
            ServerEvent::Typing { .. } | ServerEvent::Presence { .. } | ServerEvent::Pong { .. }
        ) {
            return;
        }
        self.rooms.maybe_update(|rooms| {
            rooms.apply(event);
            event.room_id().and_then(|id| rooms.get(id)) != before.as_ref()
        });
        if let ServerEvent::RoomCreated(change) | ServerEvent::RoomUpdated(change) = event {
            self.reading.maybe_update(|reading| reading.meet(&change.room));
        }
    }

    fn follow(&self, step: impl FnOnce(&mut Follows) -> Option<Rev>, room_id: RoomId) -> Option<Followup> {
        let since = self.follows.try_update_value(step).flatten()?;
        Some(Followup::CatchUp { room_id, since })
    }
}

#[cfg(test)]
mod tests {
    use shared::events::{MessageChange, RoomChange};
    use shared::ids::Seq;
    use shared::rooms::Room;

    use super::*;
    use crate::state::samples::{NOON, created, message, room, room_id, user};

    /// A state that follows room 1 at rev 0, with its (empty) first page loaded.
    fn state() -> State {
        let state = State::default();
        state.rooms.update(|rooms| rooms.insert(room(1, "Lobby")));
        state.reading.update(|reading| {
            reading.meet(&room(1, "Lobby"));
        });
        state.follows.update_value(|follows| follows.start(room_id(1), Rev(0)));
        let empty = shared::page::Page { items: vec![], next_cursor: None, prev_cursor: None };
        state.with_timeline(room_id(1), |timeline| timeline.show(empty));
        state
    }

    fn texts(state: &State) -> Vec<Option<String>> {
        state.timelines.with_untracked(|timelines| {
            timelines[&room_id(1)].messages().iter().map(|message| message.text.clone()).collect()
        })
    }

    fn in_scope(test: impl FnOnce(State)) {
        let owner = Owner::new();
        owner.set();
        test(state());
    }

    #[test]
    fn an_event_reaches_the_timeline_the_list_and_the_unread_count() {
        in_scope(|state| {
            assert_eq!(state.apply(created(1, 1), NOON), None);
            assert_eq!(texts(&state).len(), 1);
            let lobby = state.rooms.with_untracked(|rooms| rooms.get(room_id(1)).cloned()).unwrap();
            assert_eq!(lobby.last_seq, Seq(1));
            assert_eq!(state.reading.with_untracked(|reading| reading.unread(&lobby)), 1);
        });
    }

    #[test]
    fn ones_own_message_counts_as_read() {
        in_scope(|state| {
            state.identity.set(Identity::User(user(1, "adam")));
            state.apply(created(1, 1), NOON);
            let lobby = state.rooms.with_untracked(|rooms| rooms.get(room_id(1)).cloned()).unwrap();
            assert_eq!(state.reading.with_untracked(|reading| reading.unread(&lobby)), 0);
        });
    }

    #[test]
    fn edits_and_deletions_replace_what_was_there() {
        in_scope(|state| {
            state.apply(created(1, 1), NOON);
            let change = |rev, message| MessageChange { room_id: room_id(1), rev: Rev(rev), message };
            state.apply(ServerEvent::MessageUpdated(change(2, message(1, 2))), NOON);
            assert_eq!(texts(&state), [Some("message 1 at 2".to_owned())]);
            let gone = Message { text: None, ..message(1, 3) };
            state.apply(ServerEvent::MessageDeleted(change(3, gone)), NOON);
            assert_eq!(texts(&state), [None]);
        });
    }

    #[test]
    fn a_missed_change_is_asked_for() {
        in_scope(|state| {
            let followup = state.apply(created(3, 3), NOON);
            assert_eq!(followup, Some(Followup::CatchUp { room_id: room_id(1), since: Rev(0) }));
            let changes = Changes {
                room: Room { rev: Rev(3), last_seq: Seq(3), ..room(1, "Lobby") },
                messages: vec![message(1, 1), message(2, 2), message(3, 3)],
                rev: Rev(3),
                has_more: false,
            };
            assert_eq!(state.apply_changes(changes), None);
            assert_eq!(texts(&state).len(), 3);
            assert_eq!(state.follows.with_value(|follows| follows.since(room_id(1))), Some(Rev(3)));
        });
    }

    #[test]
    fn a_resync_asks_for_everything_since_the_last_change() {
        in_scope(|state| {
            let followup = state.apply(ServerEvent::Resync { room_id: room_id(1) }, NOON);
            assert_eq!(followup, Some(Followup::CatchUp { room_id: room_id(1), since: Rev(0) }));
        });
    }

    #[test]
    fn a_deleted_room_is_gone_from_everywhere() {
        in_scope(|state| {
            let change = RoomChange { room: room(1, "Lobby"), rev: Rev(1) };
            let followup = state.apply(ServerEvent::RoomDeleted(change), NOON);
            assert_eq!(followup, Some(Followup::Gone { room_id: room_id(1), name: "Lobby".to_owned() }));
            assert!(state.timelines.with_untracked(HashMap::is_empty));
            assert_eq!(state.follows.with_value(|follows| follows.since(room_id(1))), None);
        });
    }

    #[test]
    fn a_room_that_was_deleted_while_one_was_away_is_gone_when_one_comes_back() {
        in_scope(|state| {
            let refusal = ServerEvent::Error {
                code: ErrorCode::RoomNotFound,
                detail: String::new(),
                room_id: Some(room_id(1)),
            };
            let followup = state.apply(refusal.clone(), NOON);
            assert_eq!(followup, Some(Followup::Gone { room_id: room_id(1), name: "Lobby".to_owned() }));
            assert_eq!(state.apply(refusal, NOON), None, "once");
        });
    }

    #[test]
    fn a_new_room_is_followed_and_what_is_said_there_is_unread() {
        in_scope(|state| {
            let change = RoomChange { room: room(2, "design"), rev: Rev(0) };
            let followup = state.apply(ServerEvent::RoomCreated(change), NOON);
            assert_eq!(followup, Some(Followup::Follow(room_id(2))));
            state.apply_message(Message { room_id: room_id(2), ..message(1, 1) });
            let design = state.rooms.with_untracked(|rooms| rooms.get(room_id(2)).cloned()).unwrap();
            assert_eq!(state.reading.with_untracked(|reading| reading.unread(&design)), 1);
        });
    }

    #[test]
    fn a_greeting_says_who_one_is() {
        in_scope(|state| {
            let hello = |user| ServerEvent::Hello { server_version: "1".into(), heartbeat_seconds: 25, user };
            state.apply(hello(Some(user(1, "adam"))), NOON);
            assert_eq!(state.me(), Some(user(1, "adam").id));
            state.apply(hello(None), NOON);
            assert_eq!(state.identity.get_untracked(), Identity::Anonymous);
        });
    }

    #[test]
    fn what_is_not_about_content_changes_no_content() {
        in_scope(|state| {
            state.apply(created(1, 1), NOON);
            let before = texts(&state);
            for event in [
                ServerEvent::Pong { id: "1".into() },
                ServerEvent::Unknown,
                ServerEvent::Error { code: ErrorCode::RateLimited, detail: String::new(), room_id: None },
            ] {
                assert_eq!(state.apply(event, NOON), None);
            }
            assert_eq!(texts(&state), before);
        });
    }
}
