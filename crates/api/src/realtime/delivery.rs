//! Delivery of published events to all connections that should receive them.

use std::cmp::Reverse;
use std::collections::HashSet;

use shared::events::{CloseCode, MessageChange, RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId, UserId};
use shared::messages::Message;
use shared::rooms::Room as RoomDto;

use super::frame::Frame;
use super::hub::{Hub, State};
use super::room::{Change, Typed};
use super::wakeups::Wakeups;
use crate::config::Access;

impl Hub {
    /// Publishes the messages of a room that one commit stored, in the order of `rev`. Some may be tombstones by now.
    /// Published together, they also leave in one write. The readers are woken when the result is dropped.
    pub fn messages_stored(&self, room_id: RoomId, messages: Vec<Message>) -> Wakeups {
        if !self.is_followed(room_id) {
            return Wakeups::default();
        }
        let authors: HashSet<UserId> = messages.iter().map(|message| message.author.id).collect();
        let changes = messages.into_iter().map(|message| {
            let is_deleted = message.deleted_at.is_some();
            let (rev, change) = (message.rev, change(message));
            let deleted_or_created =
                if is_deleted { ServerEvent::MessageDeleted } else { ServerEvent::MessageCreated };
            (rev, deleted_or_created(change))
        });
        // Encoded without the lock.
        let changes: Vec<Change> = changes.filter_map(|(rev, event)| self.encode(rev, event)).collect();
        let mut state = self.lock();
        // Typing ends before the message arrives.
        for author in authors {
            self.in_room_with_typing(&mut state, room_id, |room| {
                room.stop_typing(author).map(Typed::stopped)
            });
        }
        let wakeups = deliver(&mut state, room_id, &changes);
        self.shed(&state);
        wakeups
    }

    /// Publishes an edited message.
    pub fn message_updated(&self, message: Message) {
        let (room_id, rev) = (message.room_id, message.rev);
        self.publish(room_id, rev, ServerEvent::MessageUpdated(change(message)));
    }

    /// Publishes the tombstone of a deleted message.
    pub fn message_deleted(&self, message: Message) {
        let (room_id, rev) = (message.room_id, message.rev);
        self.publish(room_id, rev, ServerEvent::MessageDeleted(change(message)));
    }

    /// Publishes a new room.
    pub fn room_created(&self, room: RoomDto) {
        let (id, rev) = (room.id, room.rev);
        self.publish_to_all(id, rev, ServerEvent::RoomCreated(RoomChange { room, rev }));
    }

    /// Publishes a renamed room.
    pub fn room_updated(&self, room: RoomDto) {
        let (id, rev, room) = (room.id, room.rev, self.with_online(room));
        self.publish_to_all(id, rev, ServerEvent::RoomUpdated(RoomChange { room, rev }));
    }

    /// Publishes the deletion of a room and removes its followers.
    pub fn room_deleted(&self, room: RoomDto) {
        let (id, rev) = (room.id, room.rev);
        let event = ServerEvent::RoomDeleted(RoomChange { room, rev });
        let Some(frame) = Frame::event(&self.budget, &event) else { return };
        let mut state = self.lock();
        if let Some(mut live) = state.rooms.remove(&id) {
            live.delete(rev, &frame);
        }
        self.deliver_to_non_followers(&state, id, &frame);
        state.directory.forget_room(id);
        state.newest.forget(id);
    }

    /// Publishes a change that was found in the database.
    pub fn catch_up(&self, room_id: RoomId, rev: Rev, event: ServerEvent) {
        self.publish(room_id, rev, event);
    }

    /// Publishes a change that was found in the database and that concerns everybody who may see the room.
    pub fn catch_up_all(&self, room_id: RoomId, rev: Rev, event: ServerEvent) {
        self.publish_to_all(room_id, rev, event);
    }

    /// Tells the room's followers to read the changes up to `rev` by REST.
    pub fn resync(&self, room_id: RoomId, rev: Rev) {
        self.publish(room_id, rev, ServerEvent::Resync { room_id });
    }

    fn publish(&self, room_id: RoomId, rev: Rev, event: ServerEvent) {
        if !self.is_followed(room_id) {
            return;
        }
        let Some(change) = self.encode(rev, event) else { return };
        let mut state = self.lock();
        let wakeups = deliver(&mut state, room_id, &[change]);
        self.shed(&state);
        drop(state);
        drop(wakeups);
    }

    /// To everybody who may see the room: to its followers in the order of its changes, to the others at once.
    fn publish_to_all(&self, room_id: RoomId, rev: Rev, event: ServerEvent) {
        let Some(change) = self.encode(rev, event) else { return };
        let frame = change.frame.clone();
        let mut state = self.lock();
        let wakeups = deliver(&mut state, room_id, &[change]);
        self.deliver_to_non_followers(&state, room_id, &frame);
        self.shed(&state);
        drop(state);
        drop(wakeups);
    }

    fn encode(&self, rev: Rev, event: ServerEvent) -> Option<Change> {
        let frame = Frame::event(&self.budget, &event)?;
        Some(Change { rev, event, frame })
    }

    fn deliver_to_non_followers(&self, state: &State, room_id: RoomId, frame: &Frame) {
        for connection in state.directory.non_followers(room_id) {
            if self.access == Access::Open || connection.user().is_some() {
                connection.outbox.push(frame.clone());
            }
        }
    }

    /// If all frames together exceed the memory budget, closes the connections with the largest outboxes. They resume.
    pub(super) fn shed(&self, state: &State) {
        if !self.budget.is_exceeded() {
            return;
        }
        let mut by_size: Vec<_> = state
            .directory
            .connections()
            .map(|connection| (connection.outbox.waiting_bytes(), connection))
            .collect();
        by_size.sort_by_key(|(bytes, _)| Reverse(*bytes));
        let mut closed = 0;
        for (_, connection) in by_size.iter().take_while(|(bytes, _)| *bytes > 0) {
            if !self.budget.is_exceeded() {
                break;
            }
            connection.outbox.close(CloseCode::SlowConsumer);
            closed += 1;
        }
        tracing::warn!(closed, "the memory budget is exceeded: the slowest readers were closed");
    }
}

/// Delivers changes to the room's followers and to its newest page.
fn deliver(state: &mut State, room_id: RoomId, changes: &[Change]) -> Wakeups {
    let Some(room) = state.rooms.get_mut(&room_id) else { return Wakeups::default() };
    for Change { rev, event, .. } in changes {
        state.newest.apply(room_id, *rev, event);
    }
    room.publish(changes)
}

fn change(message: Message) -> MessageChange {
    MessageChange { room_id: message.room_id, rev: message.rev, message }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use uuid::Uuid;

    use super::super::admission::SocketLimits;
    use super::*;

    #[test]
    fn while_all_frames_exceed_the_budget_the_largest_outboxes_are_closed() {
        const KIB: usize = 1024;
        let limits = SocketLimits { per_user: 9, per_address: 9, total: 9 };
        let hub = Arc::new(Hub::with_budget(limits, Access::Open, 100 * KIB));
        let registrations: Vec<_> = (0..3)
            .map(|_| hub.connect(IpAddr::V4(Ipv4Addr::LOCALHOST), None).expect("below the limits"))
            .collect();
        // Frames that nobody shares: 10, 60 and 50 KiB wait.
        for (registration, frames) in registrations.iter().zip([1, 6, 5]) {
            for _ in 0..frames {
                let frame = Frame::pong(hub.budget(), vec![0; 10 * KIB].into());
                registration.connection().outbox.push(frame);
            }
        }
        let closing =
            || registrations.iter().map(|one| one.connection().outbox.is_closing()).collect::<Vec<_>>();
        assert_eq!(closing(), [false, false, false]);
        hub.resync(RoomId(Uuid::nil()), Rev::ZERO);
        assert_eq!(closing(), [false, false, false], "an event that nobody gets costs nothing");
        hub.tick(std::time::Instant::now());
        assert_eq!(closing(), [false, true, false]);
        hub.tick(std::time::Instant::now());
        assert_eq!(closing(), [false, true, false], "what is left is within the budget");
    }
}
