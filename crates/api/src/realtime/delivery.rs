//! Delivery of published events to all connections that should receive them.

use std::cmp::Reverse;
use std::collections::HashSet;

use shared::events::{CloseCode, MessageChange, RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId, UserId};
use shared::messages::Message;
use shared::read_marks::ReadMark;
use shared::rooms::Room as RoomDto;

use super::frame::Frame;
use super::hub::{Hub, State};
use super::publication::Publication;
use super::read_marks;
use super::room::{Change, Typed};
use super::sight::Sight;
use super::wakeups::Wakeups;
use crate::config::Access;

/// More changes of one transaction than this are not sent: followers read them by REST.
const MAX_PUBLISHED: usize = 500;

impl Hub {
    /// Publishes the messages of a room that one commit stored, in the order of `rev`. Some may be tombstones by now.
    /// Published together, they also leave in one write. The readers are woken when the result is dropped.
    pub fn messages_stored(&self, room_id: RoomId, messages: Vec<Message>, mentioned: &[UserId]) -> Wakeups {
        for message in &messages {
            self.marks.sent(message.author.id, room_id, message.seq);
        }
        self.touch_mentions(room_id, mentioned);
        if !self.is_followed(room_id) {
            return Wakeups::default();
        }
        let authors: HashSet<UserId> = messages.iter().map(|message| message.author.id).collect();
        let changes = messages.into_iter().map(|message| {
            let is_deleted = message.deleted_at.is_some();
            let (rev, change) = (message.rev, MessageChange::of(message));
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

    /// Publishes what a transaction changed in a room.
    pub fn publish_changes(&self, publication: Publication) {
        let Publication { room, changes, viewers, audience, former_name, mentioned, told } = publication;
        let room = RoomDto { viewer: None, ..self.with_online(room) };
        let changes: Vec<Change> = changes
            .into_iter()
            .filter_map(|(rev, event)| self.encode(rev, self.with_current_online(event)))
            .collect();
        for change in &changes {
            if let ServerEvent::MessageCreated(MessageChange { message, .. }) = &change.event {
                self.marks.sent(message.author.id, room.id, message.seq);
            }
        }
        self.touch_mentions(room.id, &mentioned);
        let mut state = self.lock();
        let is_created = changes.iter().any(|change| matches!(change.event, ServerEvent::RoomCreated(_)));
        let mut sight = match audience {
            Some(audience) => {
                let stranger = RoomDto { name: former_name.unwrap_or(room.name.clone()), ..room.clone() };
                self.change_audience(&mut state, &room, &stranger, audience, is_created)
            }
            None => Sight::default(),
        };
        for change in &changes {
            match &change.event {
                ServerEvent::MemberJoined(joined) => {
                    let user = joined.member.user.id;
                    if state.audiences.add(room.id, user) {
                        sight.gained.insert(user);
                    }
                }
                ServerEvent::MemberLeft { user_id, reason, .. }
                    if state.audiences.remove(room.id, *user_id) =>
                {
                    sight.gained.remove(user_id);
                    sight.lost.insert(*user_id);
                    self.take_sight(&mut state, &room, *user_id, (*reason).into());
                }
                ServerEvent::MessageCreated(sent) => {
                    let author = sent.message.author.id;
                    self.in_room_with_typing(&mut state, room.id, |live| {
                        live.stop_typing(author).map(Typed::stopped)
                    });
                }
                _ => {}
            }
        }
        for user in &sight.gained {
            let viewer = viewers.iter().find(|(id, _)| id == user).map(|(_, viewer)| viewer.clone());
            let added = ServerEvent::RoomAdded { room: RoomDto { viewer, ..room.clone() } };
            self.send_to_user(&state, *user, &added);
        }
        let wakeups = if changes.len() > MAX_PUBLISHED {
            // So many at once would close the outboxes of all followers.
            let resync = self.encode(room.rev, ServerEvent::Resync { room_id: room.id });
            deliver(&mut state, room.id, resync.as_slice())
        } else {
            deliver(&mut state, room.id, &changes)
        };
        for Change { rev, event, frame } in &changes {
            match event {
                // Members of a new private room were told by `room_added`.
                ServerEvent::RoomCreated(_) if state.audiences.members(room.id).is_some() => {}
                // Others were told by `room_created`.
                ServerEvent::RoomUpdated(_) if sight.was_private.is_some() => {
                    deliver_to_members(&state, room.id, sight.was_private.iter().flatten(), frame);
                }
                ServerEvent::RoomCreated(_) | ServerEvent::RoomUpdated(_) => {
                    self.deliver_to_non_followers(&state, room.id, frame);
                }
                ServerEvent::RoomDeleted(_) => self.end_room(&mut state, &room, *rev, frame),
                _ => {}
            }
        }
        for (user, event) in told {
            if state.audiences.sees(Some(user), room.id) {
                self.send_to_user(&state, user, &event);
            }
        }
        for (user, viewer) in viewers {
            self.change_viewer(&mut state, &room, user, viewer, &sight);
        }
        self.shed(&state);
        drop(state);
        drop(wakeups);
    }

    /// Rooms in events are encoded with their present number of people.
    fn with_current_online(&self, event: ServerEvent) -> ServerEvent {
        match event {
            ServerEvent::RoomUpdated(RoomChange { room, rev }) => {
                ServerEvent::RoomUpdated(RoomChange { room: self.with_online(room), rev })
            }
            other => other,
        }
    }

    pub(super) fn send_to_user(&self, state: &State, user: UserId, event: &ServerEvent) {
        let Some(frame) = Frame::event(&self.budget, event) else { return };
        for connection in state.directory.of_user(user) {
            connection.outbox.push(frame.clone());
        }
    }

    /// Tells the connections of a user something about themselves in a room, if they see the room.
    pub fn tell(&self, user: UserId, room_id: RoomId, event: &ServerEvent) {
        let state = self.lock();
        if state.audiences.sees(Some(user), room_id) {
            self.send_to_user(&state, user, event);
        }
    }

    /// Tells the connections of a user that their read mark moved.
    pub fn read_mark_moved(&self, user: UserId, room_id: RoomId, mark: ReadMark) {
        self.tell(user, room_id, &ServerEvent::Read { room_id, mark });
    }

    /// Has the unread mentions of users counted anew, if they have a connection.
    fn touch_mentions(&self, room_id: RoomId, mentioned: &[UserId]) {
        if !mentioned.is_empty() {
            self.marks.touch(room_id, read_marks::touched(mentioned, self.connected_users()));
        }
    }

    /// Whether a user may read at all. Servers for members only need a session.
    pub(super) fn may_read(&self, user: Option<UserId>) -> bool {
        self.access == Access::Open || user.is_some()
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

    fn encode(&self, rev: Rev, event: ServerEvent) -> Option<Change> {
        let frame = Frame::event(&self.budget, &event)?;
        Some(Change { rev, event, frame })
    }

    /// Sends a frame to everybody who sees the room and does not follow it.
    pub(super) fn deliver_to_non_followers(&self, state: &State, room_id: RoomId, frame: &Frame) {
        if let Some(members) = state.audiences.members(room_id) {
            return deliver_to_members(state, room_id, members, frame);
        }
        for connection in state.directory.non_followers(room_id) {
            if self.may_read(connection.user().map(|user| user.id)) {
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

/// Sends a frame to the connections of members that do not follow the room.
fn deliver_to_members<'members>(
    state: &State,
    room_id: RoomId,
    members: impl IntoIterator<Item = &'members UserId>,
    frame: &Frame,
) {
    let connections = members.into_iter().flat_map(|member| state.directory.of_user(*member));
    for connection in connections.filter(|one| !state.directory.follows(one.id, room_id)) {
        connection.outbox.push(frame.clone());
    }
}

/// Delivers changes to the room's followers and to its newest page.
fn deliver(state: &mut State, room_id: RoomId, changes: &[Change]) -> Wakeups {
    let Some(room) = state.rooms.get_mut(&room_id) else { return Wakeups::default() };
    for Change { rev, event, .. } in changes {
        state.newest.apply(room_id, *rev, event);
    }
    // The end of a room is delivered when its followers leave it.
    let is_end = |change: &Change| matches!(change.event, ServerEvent::RoomDeleted(_));
    let end = changes.iter().position(is_end).unwrap_or(changes.len());
    room.publish(&changes[..end])
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
