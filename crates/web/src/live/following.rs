//! Follows rooms: subscribes to them, resumes them on a new connection, and asks for missed changes.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::errors::ErrorCode;
use shared::events::Subscription;
use shared::ids::{Rev, RoomId};

use super::Live;
use crate::browser;
use crate::client::{self, ClientError};
use crate::sending;
use crate::state::connection::Connection;
use crate::state::subscriptions::Verdict;
use crate::wire::commands;

/// So many rooms are followed by themselves, which is less than what the server allows. The open room always is.
const MAX_FOLLOWED: usize = 400;

impl Live {
    /// Follows a room that is known as it was at `rev`.
    pub fn follow(self, room_id: RoomId, rev: Rev) {
        let is_open = self.open_room.get_value() == Some(room_id);
        let is_wanted = self.state.follows.with_value(|follows| {
            follows.since(room_id).is_none() && (is_open || follows.count() < MAX_FOLLOWED)
        });
        if is_wanted {
            self.state.follows.update_value(|follows| follows.start(room_id, rev));
            self.subscribe_soon(room_id);
        }
    }

    /// A page was loaded that may be older than what is known of the room: go back to `rev` and follow from there.
    pub fn rewind(self, room_id: RoomId, rev: Rev) {
        if self.state.follows.try_update_value(|follows| follows.rewind(room_id, rev)) == Some(true) {
            self.subscribe(room_id);
        }
    }

    /// Subscribes to everything again, to the open room first.
    pub(super) fn resume(self) {
        let open = self.open_room.get_value();
        let mut rooms = self.state.follows.with_value(|follows| follows.room_ids().collect::<Vec<_>>());
        rooms.retain(|room_id| Some(*room_id) != open);
        let now = browser::now();
        self.subscriptions.update_value(|it| it.restart(open, rooms, now));
        self.send_subscriptions();
        // Rooms that were made or deleted meanwhile are in no room's replay.
        self.load_rooms();
        sending::wake(self.state);
    }

    fn subscribe_soon(self, room_id: RoomId) {
        if self.open_room.get_value() == Some(room_id) {
            return self.subscribe(room_id);
        }
        self.subscriptions.update_value(|subscriptions| subscriptions.add(room_id));
        self.send_subscriptions();
    }

    pub(super) fn subscribe(self, room_id: RoomId) {
        self.subscriptions.update_value(|subscriptions| subscriptions.add_first(room_id));
        self.send_subscriptions();
    }

    /// Sends the subscriptions whose turn it is.
    fn send_subscriptions(self) {
        let now = browser::now();
        while self.state.connection.with_untracked(Connection::is_open) {
            let batch = self.subscriptions.try_update_value(|it| it.next(now)).unwrap_or_default();
            if batch.is_empty() {
                return;
            }
            let open = self.open_room.get_value();
            // A room that was deleted meanwhile is not followed any more.
            let rooms: Vec<_> = self.state.follows.with_value(|follows| {
                let followed = batch.iter().filter_map(|id| Some((*id, follows.since(*id)?)));
                let subscription = |(room_id, since)| Subscription {
                    room_id,
                    since: Some(since),
                    present: open == Some(room_id),
                };
                followed.map(subscription).collect()
            });
            if !rooms.is_empty() {
                self.send(commands::subscribe(&rooms));
            }
        }
    }

    pub(super) fn subscription_refused(self, room_id: RoomId, code: ErrorCode) {
        let (now, random, open) = (browser::now(), browser::random(), self.open_room.get_value());
        let verdict = self.subscriptions.try_update_value(|it| it.refused(room_id, code, open, now, random));
        if let Some(Verdict::MakeRoom(other)) = verdict {
            self.send(commands::unsubscribe(other));
        }
    }

    pub(super) fn catch_up(self, room_id: RoomId, since: Rev) {
        spawn_local(async move {
            let mut since = since;
            loop {
                match client::messages::changes(room_id, since).await {
                    Ok(changes) => match self.state.apply_changes(changes) {
                        Some(next) => since = next,
                        None => return,
                    },
                    Err(error) => return self.catching_up_failed(room_id, &error),
                }
            }
        });
    }

    fn catching_up_failed(self, room_id: RoomId, error: &ClientError) {
        if matches!(error, ClientError::Decode) {
            self.state.connection.update(Connection::misunderstood);
        }
        let (now, random) = (browser::now(), browser::random());
        self.state.follows.update_value(|follows| follows.catching_up_failed(room_id, now, random));
    }

    /// Does what is due: waiting subscriptions, and questions about missed changes that failed before.
    pub(super) fn follow_on(self, now: i64) {
        self.send_subscriptions();
        let next = || self.state.follows.try_update_value(|follows| follows.next_retry(now)).flatten();
        while let Some((room_id, since)) = next() {
            self.catch_up(room_id, since);
        }
    }
}
