//! Delivery of published events to all connections that should receive them.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use shared::events::{CloseCode, MessageChange, RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId, UserId};
use shared::members::{RemovalReason, Viewer};
use shared::messages::Message;
use shared::rooms::Room as RoomDto;

use super::connection::Connection;
use super::frame::Frame;
use super::hub::{Hub, State};
use super::publication::{Audience, Publication};
use super::room::{Change, Typed, Voice};
use super::wakeups::Wakeups;
use crate::config::Access;

/// More changes of one transaction than this are not sent: followers read them by REST.
const MAX_PUBLISHED: usize = 500;

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

    /// Publishes what a transaction changed in a room.
    pub fn publish_changes(&self, publication: Publication) {
        let Publication { room, changes, viewers, audience, former_name } = publication;
        let room = RoomDto { viewer: None, ..self.with_online(room) };
        let changes: Vec<Change> = changes
            .into_iter()
            .filter_map(|(rev, event)| self.encode(rev, self.with_current_online(event)))
            .collect();
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
        for (user, viewer) in viewers {
            self.change_viewer(&mut state, room.id, user, viewer, &sight);
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

    /// Changes who sees a room. `former` is the room as strangers knew it. Users who lose sight of it are told; those who
    /// gain it are returned.
    fn change_audience(
        &self,
        state: &mut State,
        room: &RoomDto,
        former: &RoomDto,
        audience: Audience,
        is_created: bool,
    ) -> Sight {
        match audience {
            Audience::Everybody => {
                let Some(before) = state.audiences.make_public(room.id) else { return Sight::default() };
                let event = ServerEvent::RoomCreated(RoomChange { room: room.clone(), rev: room.rev });
                if let Some(frame) = Frame::event(&self.budget, &event) {
                    for connection in state.directory.connections() {
                        let user = connection.user().map(|user| user.id);
                        let is_news = user.is_none_or(|user| !before.contains(&user));
                        if is_news && self.may_read(user) {
                            connection.outbox.push(frame.clone());
                        }
                    }
                }
                Sight { was_private: Some(before), ..Sight::default() }
            }
            Audience::Members(members) => {
                let before = state.audiences.make_private(room.id, members.clone());
                if is_created {
                    return Sight { gained: members, ..Sight::default() };
                }
                let Some(before) = before else {
                    self.hide(state, former, &members);
                    return Sight::default();
                };
                let lost: HashSet<UserId> = before.difference(&members).copied().collect();
                for user in &lost {
                    self.take_sight(state, room, *user, RemovalReason::Removed);
                }
                let gained = members.difference(&before).copied().collect();
                Sight { gained, lost, was_private: None }
            }
        }
    }

    /// Hides a room that was public from everybody but its members.
    fn hide(&self, state: &mut State, room: &RoomDto, members: &HashSet<UserId>) {
        let reason = RemovalReason::MadePrivate;
        let event = ServerEvent::RoomRemoved { room_id: room.id, name: room.name.clone(), reason };
        let Some(frame) = Frame::event(&self.budget, &event) else { return };
        let strangers: Vec<_> = state
            .directory
            .connections()
            .filter(|connection| connection.user().is_none_or(|user| !members.contains(&user.id)))
            .cloned()
            .collect();
        for connection in strangers {
            self.expel(state, &connection, room.id);
            if self.may_read(connection.user().map(|user| user.id)) {
                connection.outbox.push(frame.clone());
            }
        }
    }

    /// Takes a user's sight of a room: their connections leave it, and what waits for them of it is dropped.
    fn take_sight(&self, state: &mut State, room: &RoomDto, user: UserId, reason: RemovalReason) {
        let connections: Vec<_> = state.directory.of_user(user).cloned().collect();
        for connection in &connections {
            self.expel(state, connection, room.id);
        }
        let name = room.name.clone();
        self.send_to_user(state, user, &ServerEvent::RoomRemoved { room_id: room.id, name, reason });
    }

    fn expel(&self, state: &mut State, connection: &Arc<Connection>, room_id: RoomId) {
        state.directory.unfollow(connection.id, room_id);
        self.remove_from_room(state, connection, room_id);
        connection.outbox.forget_room(room_id);
    }

    /// Tells a user what they are in a room now, unless `room_added` or `room_removed` did.
    fn change_viewer(&self, state: &mut State, room_id: RoomId, user: UserId, viewer: Viewer, sight: &Sight) {
        if sight.lost.contains(&user) || !state.audiences.sees(Some(user), room_id) {
            return;
        }
        let voice = Voice::from(&viewer);
        let connections: Vec<_> = state.directory.of_user(user).cloned().collect();
        for connection in &connections {
            self.in_room_with_typing(state, room_id, |live| {
                live.set_voice(connection.id, voice).map(Typed::stopped)
            });
        }
        if !sight.gained.contains(&user) {
            self.send_to_user(state, user, &ServerEvent::ViewerUpdated { room_id, viewer });
        }
    }

    /// Ends a deleted room: tells everybody who saw it and removes its followers.
    fn end_room(&self, state: &mut State, room: &RoomDto, rev: Rev, frame: &Frame) {
        let members = state.audiences.make_public(room.id);
        if let Some(members) = members {
            for user in members {
                self.take_sight(state, room, user, RemovalReason::Deleted);
            }
            state.rooms.remove(&room.id);
        } else {
            if let Some(mut live) = state.rooms.remove(&room.id) {
                live.delete(rev, frame);
            }
            self.deliver_to_non_followers(state, room.id, frame);
        }
        state.directory.forget_room(room.id);
        state.newest.forget(room.id);
    }

    fn send_to_user(&self, state: &State, user: UserId, event: &ServerEvent) {
        let Some(frame) = Frame::event(&self.budget, event) else { return };
        for connection in state.directory.of_user(user) {
            connection.outbox.push(frame.clone());
        }
    }

    /// Whether a user may read at all. Servers for members only need a session.
    fn may_read(&self, user: Option<UserId>) -> bool {
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
    fn deliver_to_non_followers(&self, state: &State, room_id: RoomId, frame: &Frame) {
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

/// Who gained or lost sight of a private room.
#[derive(Default)]
struct Sight {
    gained: HashSet<UserId>,
    lost: HashSet<UserId>,
    /// The members of a room that became public.
    was_private: Option<HashSet<UserId>>,
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
