//! The open connections and the rooms that each follows.

use std::collections::HashMap;
use std::sync::Arc;

use shared::ids::RoomId;

use super::connection::{Connection, ConnectionId};

/// The maximal number of rooms that a connection may follow.
pub const MAX_ROOMS_PER_CONNECTION: usize = 500;

/// The connection follows too many rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRooms;

/// The open connections.
#[derive(Default)]
pub(super) struct Directory(HashMap<ConnectionId, Entry>);

struct Entry {
    connection: Arc<Connection>,
    /// A list instead of a set: it is short, and an idle connection must be small.
    rooms: Vec<RoomId>,
}

impl Directory {
    pub(super) fn insert(&mut self, connection: &Arc<Connection>) {
        self.0.insert(connection.id, Entry { connection: connection.clone(), rooms: Vec::new() });
    }

    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.0.contains_key(&id)
    }

    /// Removes a connection. Returns the rooms it followed; `None` if it was not registered.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Vec<RoomId>> {
        self.0.remove(&id).map(|entry| entry.rooms)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn connections(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.0.values().map(|entry| &entry.connection)
    }

    /// The connections that do not follow a room.
    pub(super) fn non_followers(&self, room_id: RoomId) -> impl Iterator<Item = &Arc<Connection>> {
        self.0.values().filter(move |entry| !entry.rooms.contains(&room_id)).map(|entry| &entry.connection)
    }

    /// The rooms that a connection follows.
    pub(super) fn rooms(&self, id: ConnectionId) -> &[RoomId] {
        self.0.get(&id).map_or(&[], |entry| &entry.rooms)
    }

    /// Adds a room to those that the connection follows.
    ///
    /// # Errors
    /// If it follows too many.
    pub(super) fn follow(&mut self, id: ConnectionId, room_id: RoomId) -> Result<(), TooManyRooms> {
        let Some(entry) = self.0.get_mut(&id) else { return Ok(()) };
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
        if let Some(entry) = self.0.get_mut(&id) {
            entry.unfollow(room_id);
        }
    }

    /// Removes all rooms from those that the connection follows, and returns them.
    pub(super) fn unfollow_all(&mut self, id: ConnectionId) -> Vec<RoomId> {
        self.0.get_mut(&id).map(|entry| std::mem::take(&mut entry.rooms)).unwrap_or_default()
    }

    /// Removes a deleted room from all connections.
    pub(super) fn forget_room(&mut self, room_id: RoomId) {
        for entry in self.0.values_mut() {
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
