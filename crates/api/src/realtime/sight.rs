//! Who sees a room: what users are told when they gain or lose sight of it, or when their rights in it change.

use std::collections::HashSet;
use std::sync::Arc;

use shared::events::{RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId, UserId};
use shared::members::{RemovalReason, Viewer};
use shared::rooms::Room as RoomDto;

use super::connection::Connection;
use super::frame::Frame;
use super::hub::{Hub, State};
use super::publication::Audience;
use super::room::{Typed, Voice};

/// Who gained or lost sight of a private room.
#[derive(Default)]
pub(super) struct Sight {
    pub gained: HashSet<UserId>,
    pub lost: HashSet<UserId>,
    /// The members of a room that became public.
    pub was_private: Option<HashSet<UserId>>,
}

impl Hub {
    /// Changes who sees a room. `former` is the room as strangers knew it. Users who lose sight of it are told; those who
    /// gain it are returned.
    pub(super) fn change_audience(
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
    pub(super) fn take_sight(&self, state: &mut State, room: &RoomDto, user: UserId, reason: RemovalReason) {
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
    pub(super) fn change_viewer(
        &self,
        state: &mut State,
        room: &RoomDto,
        user: UserId,
        viewer: Viewer,
        sight: &Sight,
    ) {
        let room_id = room.id;
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
            let viewer = self.with_pending_mark(user, room, viewer);
            self.send_to_user(state, user, &ServerEvent::ViewerUpdated { room_id, viewer });
        }
    }

    /// Ends a deleted room: tells everybody who saw it and removes its followers.
    pub(super) fn end_room(&self, state: &mut State, room: &RoomDto, rev: Rev, frame: &Frame) {
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
}
