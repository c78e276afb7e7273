//! Who sees which room, told by publications in the order of `rev`, so that no event asks the database.

use std::collections::{HashMap, HashSet};

use shared::ids::{RoomId, UserId};

/// The members of all private rooms. A room that is not listed is public.
#[derive(Debug, Default)]
pub struct Audiences(HashMap<RoomId, HashSet<UserId>>);

impl Audiences {
    /// The audiences of rooms with these members. A room without members is listed with none.
    pub fn new(memberships: impl IntoIterator<Item = (RoomId, Option<UserId>)>) -> Self {
        let mut rooms: HashMap<RoomId, HashSet<UserId>> = HashMap::new();
        for (room_id, member) in memberships {
            rooms.entry(room_id).or_default().extend(member);
        }
        Self(rooms)
    }

    /// Whether a user sees a room. Nobody in particular sees public rooms only.
    pub(super) fn sees(&self, user: Option<UserId>, room_id: RoomId) -> bool {
        self.0.get(&room_id).is_none_or(|members| user.is_some_and(|user| members.contains(&user)))
    }

    /// The members of a private room; `None` if it is public.
    pub(super) fn members(&self, room_id: RoomId) -> Option<&HashSet<UserId>> {
        self.0.get(&room_id)
    }

    /// Makes a room private, with these members. Returns those of before, if it was private.
    pub(super) fn make_private(
        &mut self,
        room_id: RoomId,
        members: HashSet<UserId>,
    ) -> Option<HashSet<UserId>> {
        self.0.insert(room_id, members)
    }

    /// Makes a room public, or forgets one that was deleted. Returns the members of before, if it was private.
    pub(super) fn make_public(&mut self, room_id: RoomId) -> Option<HashSet<UserId>> {
        self.0.remove(&room_id)
    }

    /// Adds a member to a private room. Returns whether that gave them sight of it.
    pub(super) fn add(&mut self, room_id: RoomId, user: UserId) -> bool {
        self.0.get_mut(&room_id).is_some_and(|members| members.insert(user))
    }

    /// Removes a member from a private room. Returns whether that took their sight of it.
    pub(super) fn remove(&mut self, room_id: RoomId, user: UserId) -> bool {
        self.0.get_mut(&room_id).is_some_and(|members| members.remove(&user))
    }
}
