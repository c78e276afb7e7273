//! Delivery: an event that is published goes to everybody who should see it.

use std::cmp::Reverse;

use shared::events::{CloseCode, MessageChange, RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId};
use shared::messages::Message;
use shared::rooms::Room as RoomDto;

use super::frame::Frame;
use super::hub::{Hub, State};
use super::room::Typed;
use crate::config::Access;

impl Hub {
    /// A message was stored.
    pub fn message_created(&self, message: Message) {
        let (room_id, author) = (message.room_id, message.author.id);
        // First, so that nobody is seen typing what is there to read.
        self.in_room_with_typing(&mut self.lock(), room_id, |room| {
            room.stop_typing(author).map(Typed::stopped)
        });
        self.publish(room_id, message.rev, &ServerEvent::MessageCreated(change(message)));
    }

    /// A message was edited.
    pub fn message_updated(&self, message: Message) {
        let (room_id, rev) = (message.room_id, message.rev);
        self.publish(room_id, rev, &ServerEvent::MessageUpdated(change(message)));
    }

    /// A message was deleted; this is its tombstone.
    pub fn message_deleted(&self, message: Message) {
        let (room_id, rev) = (message.room_id, message.rev);
        self.publish(room_id, rev, &ServerEvent::MessageDeleted(change(message)));
    }

    /// A room was created.
    pub fn room_created(&self, room: RoomDto) {
        let (id, rev) = (room.id, room.rev);
        self.publish_to_all(id, rev, &ServerEvent::RoomCreated(RoomChange { room, rev }));
    }

    /// A room was renamed.
    pub fn room_updated(&self, room: RoomDto) {
        let (id, rev, room) = (room.id, room.rev, self.with_online(room));
        self.publish_to_all(id, rev, &ServerEvent::RoomUpdated(RoomChange { room, rev }));
    }

    /// A room was deleted. Nobody follows it any more.
    pub fn room_deleted(&self, room: RoomDto) {
        let (id, rev) = (room.id, room.rev);
        let event = ServerEvent::RoomDeleted(RoomChange { room, rev });
        let Some(frame) = Frame::event(&self.budget, &event) else { return };
        let mut state = self.lock();
        if let Some(mut live) = state.rooms.remove(&id) {
            live.delete(rev, &frame);
        }
        self.deliver_to_strangers(&state, id, &frame);
        state.directory.forget_room(id);
        state.newest.forget(id);
    }

    /// Publishes a change that was found in the database.
    pub fn catch_up(&self, room_id: RoomId, rev: Rev, event: &ServerEvent) {
        self.publish(room_id, rev, event);
    }

    /// Publishes a change that was found in the database and that concerns everybody who may see the room.
    pub fn catch_up_all(&self, room_id: RoomId, rev: Rev, event: &ServerEvent) {
        self.publish_to_all(room_id, rev, event);
    }

    /// Tells the room's followers to read for themselves what changed up to `rev`.
    pub fn resync(&self, room_id: RoomId, rev: Rev) {
        self.publish(room_id, rev, &ServerEvent::Resync { room_id });
    }

    fn publish(&self, room_id: RoomId, rev: Rev, event: &ServerEvent) {
        if !self.is_followed(room_id) {
            return;
        }
        // Encoded without the lock.
        let Some(frame) = Frame::event(&self.budget, event) else { return };
        let mut state = self.lock();
        deliver(&mut state, room_id, rev, event, &frame);
        self.shed(&state);
    }

    /// To everybody who may see the room: to its followers in the order of its changes, to the others at once.
    fn publish_to_all(&self, room_id: RoomId, rev: Rev, event: &ServerEvent) {
        let Some(frame) = Frame::event(&self.budget, event) else { return };
        let mut state = self.lock();
        deliver(&mut state, room_id, rev, event, &frame);
        self.deliver_to_strangers(&state, room_id, &frame);
        self.shed(&state);
    }

    fn deliver_to_strangers(&self, state: &State, room_id: RoomId, frame: &Frame) {
        for connection in state.directory.strangers(room_id) {
            if self.access == Access::Open || connection.user().is_some() {
                connection.outbox.push(frame.clone());
            }
        }
    }

    /// While all frames together take too much memory, closes the connections that have most waiting. They resume.
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
        tracing::warn!(closed, "too much waits for slow readers: those with most were closed");
    }
}

/// Delivers a change to the room's followers and to its newest page.
fn deliver(state: &mut State, room_id: RoomId, rev: Rev, event: &ServerEvent, frame: &Frame) {
    if let Some(room) = state.rooms.get_mut(&room_id) {
        room.publish(rev, frame);
        state.newest.apply(room_id, rev, event);
    }
}

fn change(message: Message) -> MessageChange {
    MessageChange { room_id: message.room_id, rev: message.rev, message }
}
