//! The open connections, the rooms that each follows, and the users they belong to.

use std::collections::HashMap;
use std::sync::Arc;

use shared::ids::{RoomId, UserId};

use super::connection::{Connection, ConnectionId};

/// The maximal number of rooms that a connection may follow.
pub const MAX_ROOMS_PER_CONNECTION: usize = 500;

/// The connection follows too many rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRooms;

/// The open connections.
#[derive(Default)]
pub(super) struct Directory {
    entries: HashMap<ConnectionId, Entry>,
    by_user: HashMap<UserId, Vec<ConnectionId>>,
}

struct Entry {
    connection: Arc<Connection>,
    /// A list instead of a set: it is short, and an idle connection must be small.
    rooms: Vec<RoomId>,
}

impl Directory {
    pub(super) fn insert(&mut self, connection: &Arc<Connection>) {
        self.entries.insert(connection.id, Entry { connection: connection.clone(), rooms: Vec::new() });
        if let Some(user) = connection.user() {
            self.by_user.entry(user.id).or_default().push(connection.id);
        }
    }

    /// Follows a connection to another user.
    pub(super) fn change_user(&mut self, id: ConnectionId, before: Option<UserId>, now: UserId) {
        if let Some(before) = before {
            self.remove_from_user(id, before);
        }
        self.by_user.entry(now).or_default().push(id);
    }

    fn remove_from_user(&mut self, id: ConnectionId, user: UserId) {
        let Some(ids) = self.by_user.get_mut(&user) else { return };
        ids.retain(|other| *other != id);
        if ids.is_empty() {
            self.by_user.remove(&user);
        }
    }

    /// The users of the connections.
    pub(super) fn users(&self) -> Vec<UserId> {
        self.by_user.keys().copied().collect()
    }

    /// The connections of a user.
    pub(super) fn of_user(&self, user: UserId) -> impl Iterator<Item = &Arc<Connection>> {
        let ids = self.by_user.get(&user).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.entries.get(id)).map(|entry| &entry.connection)
    }

    /// Whether a connection follows a room.
    pub(super) fn follows(&self, id: ConnectionId, room_id: RoomId) -> bool {
        self.rooms(id).contains(&room_id)
    }

    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.entries.contains_key(&id)
    }

    /// Removes a connection. Returns the rooms it followed; `None` if it was not registered.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Vec<RoomId>> {
        let entry = self.entries.remove(&id)?;
        if let Some(user) = entry.connection.user() {
            self.remove_from_user(id, user.id);
        }
        Some(entry.rooms)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.entries.values().map(|entry| &entry.connection)
    }

    /// The connections that do not follow a room.
    pub(super) fn non_followers(&self, room_id: RoomId) -> impl Iterator<Item = &Arc<Connection>> {
        self.entries
            .values()
            .filter(move |entry| !entry.rooms.contains(&room_id))
            .map(|entry| &entry.connection)
    }

    /// The rooms that a connection follows.
    pub(super) fn rooms(&self, id: ConnectionId) -> &[RoomId] {
        self.entries.get(&id).map_or(&[], |entry| &entry.rooms)
    }

    /// Adds a room to those that the connection follows.
    ///
    /// # Errors
    /// If it follows too many.
    pub(super) fn follow(&mut self, id: ConnectionId, room_id: RoomId) -> Result<(), TooManyRooms> {
        let Some(entry) = self.entries.get_mut(&id) else { return Ok(()) };
        if entry.rooms.contains(&room_id) {
            return Ok(());
        }
        if entry.rooms.len() >= MAX_ROOMS_PER_CONNECTION {
            return Err(TooManyRooms);
        }
        entry.rooms.push(room_id);
        Ok(())
    }

    /// Removes a room from those that the connection follows.
    pub(super) fn unfollow(&mut self, id: ConnectionId, room_id: RoomId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.unfollow(room_id);
        }
    }

    /// Removes all rooms from those that the connection follows, and returns them.
    pub(super) fn unfollow_all(&mut self, id: ConnectionId) -> Vec<RoomId> {
        self.entries.get_mut(&id).map(|entry| std::mem::take(&mut entry.rooms)).unwrap_or_default()
    }

    /// Removes a deleted room from all connections.
    pub(super) fn forget_room(&mut self, room_id: RoomId) {
        for entry in self.entries.values_mut() {
            entry.unfollow(room_id);
        }
    }
}

impl Entry {
    fn unfollow(&mut self, room_id: RoomId) {
        if let Some(position) = self.rooms.iter().position(|id| *id == room_id) {
            self.rooms.swap_remove(position);
        }
    }
}
