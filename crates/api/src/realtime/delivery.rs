//! Delivery: an event that is published goes to everybody who should see it.

use std::cmp::Reverse;
use std::collections::HashSet;

use shared::events::{CloseCode, MessageChange, RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId, UserId};
use shared::messages::Message;
use shared::rooms::Room as RoomDto;

use super::frame::Frame;
use super::hub::{Hub, State};
use super::room::{Change, Typed};
use crate::config::Access;

impl Hub {
    /// Messages of a room were stored; some may be tombstones by now. They are in the order of `rev`. What one commit
    /// stored is published at once, so that it also leaves in one write.
    pub fn messages_stored(&self, room_id: RoomId, messages: Vec<Message>) {
        if !self.is_followed(room_id) {
            return;
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
        // First, so that nobody is seen typing what is there to read.
        for author in authors {
            self.in_room_with_typing(&mut state, room_id, |room| {
                room.stop_typing(author).map(Typed::stopped)
            });
        }
        deliver(&mut state, room_id, &changes);
        self.shed(&state);
    }

    /// A message was edited.
    pub fn message_updated(&self, message: Message) {
        let (room_id, rev) = (message.room_id, message.rev);
        self.publish(room_id, rev, ServerEvent::MessageUpdated(change(message)));
    }

    /// A message was deleted; this is its tombstone.
    pub fn message_deleted(&self, message: Message) {
        let (room_id, rev) = (message.room_id, message.rev);
        self.publish(room_id, rev, ServerEvent::MessageDeleted(change(message)));
    }

    /// A room was created.
    pub fn room_created(&self, room: RoomDto) {
        let (id, rev) = (room.id, room.rev);
        self.publish_to_all(id, rev, ServerEvent::RoomCreated(RoomChange { room, rev }));
    }

    /// A room was renamed.
    pub fn room_updated(&self, room: RoomDto) {
        let (id, rev, room) = (room.id, room.rev, self.with_online(room));
        self.publish_to_all(id, rev, ServerEvent::RoomUpdated(RoomChange { room, rev }));
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
    pub fn catch_up(&self, room_id: RoomId, rev: Rev, event: ServerEvent) {
        self.publish(room_id, rev, event);
    }

    /// Publishes a change that was found in the database and that concerns everybody who may see the room.
    pub fn catch_up_all(&self, room_id: RoomId, rev: Rev, event: ServerEvent) {
        self.publish_to_all(room_id, rev, event);
    }

    /// Tells the room's followers to read for themselves what changed up to `rev`.
    pub fn resync(&self, room_id: RoomId, rev: Rev) {
        self.publish(room_id, rev, ServerEvent::Resync { room_id });
    }

    fn publish(&self, room_id: RoomId, rev: Rev, event: ServerEvent) {
        if !self.is_followed(room_id) {
            return;
        }
        let Some(change) = self.encode(rev, event) else { return };
        let mut state = self.lock();
        deliver(&mut state, room_id, &[change]);
        self.shed(&state);
    }

    /// To everybody who may see the room: to its followers in the order of its changes, to the others at once.
    fn publish_to_all(&self, room_id: RoomId, rev: Rev, event: ServerEvent) {
        let Some(change) = self.encode(rev, event) else { return };
        let frame = change.frame.clone();
        let mut state = self.lock();
        deliver(&mut state, room_id, &[change]);
        self.deliver_to_strangers(&state, room_id, &frame);
        self.shed(&state);
    }

    fn encode(&self, rev: Rev, event: ServerEvent) -> Option<Change> {
        let frame = Frame::event(&self.budget, &event)?;
        Some(Change { rev, event, frame })
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

/// Delivers changes to the room's followers and to its newest page.
fn deliver(state: &mut State, room_id: RoomId, changes: &[Change]) {
    if let Some(room) = state.rooms.get_mut(&room_id) {
        room.publish(changes);
        for Change { rev, event, .. } in changes {
            state.newest.apply(room_id, *rev, event);
        }
    }
}

fn change(message: Message) -> MessageChange {
    MessageChange { room_id: message.room_id, rev: message.rev, message }
}
