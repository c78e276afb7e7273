//! Who is in the room that is open.
//!
//! Pure. Presence is never replayed: each `subscribed` brings the whole of it.

use shared::events::ServerEvent;
use shared::ids::{RoomId, UserId};
use shared::messages::Author;
use shared::users::User;

/// The people in the open room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Presence {
    room_id: Option<RoomId>,
    /// The people, by name; of many, only those that the server lists.
    pub people: Vec<User>,
    /// How many people are there.
    pub online: u32,
    /// How many more are there without a name.
    pub visitors: u32,
}

impl Presence {
    /// The user enters this room, or none.
    pub fn enter(&mut self, room_id: Option<RoomId>) {
        if self.room_id != room_id {
            *self = Self { room_id, ..Self::default() };
        }
    }

    /// Follows who comes and goes. Returns whether the event is about that.
    pub fn apply(&mut self, event: &ServerEvent) -> bool {
        if self.room_id.is_none() || event.room_id() != self.room_id {
            return false;
        }
        match event {
            ServerEvent::Subscribed { room, online, visitors, .. } => {
                self.people.clear();
                self.add(online);
                self.online = room.online;
                self.visitors = *visitors;
            }
            ServerEvent::Presence { joined, left, online, visitors, .. } => {
                self.people.retain(|user| !left.contains(&user.id));
                self.add(joined);
                self.online = *online;
                self.visitors = *visitors;
            }
            _ => return false,
        }
        true
    }

    /// A listed person.
    pub fn get(&self, id: UserId) -> Option<&User> {
        self.people.iter().find(|user| user.id == id)
    }

    /// Whether this person is listed under an old name or with an old picture.
    pub fn has_old_name(&self, author: &Author) -> bool {
        self.people.iter().any(|user| user.id == author.id && Author::from(user) != *author)
    }

    /// Gives a listed person their current name and picture. Returns whether it changed.
    pub fn rename(&mut self, author: &Author) -> bool {
        let listed = self.people.iter().find(|user| user.id == author.id).cloned();
        let Some(user) = listed.filter(|user| Author::from(user) != *author) else { return false };
        let Author { username, kind, avatar_url, .. } = author.clone();
        self.add(&[User { username, kind, avatar_url, ..user }]);
        true
    }

    /// How many people are there who are not listed.
    pub fn unlisted(&self) -> u32 {
        self.online.saturating_sub(self.people.len() as u32)
    }

    /// Each at their place by name, without regard to the case of Latin letters.
    fn add(&mut self, users: &[User]) {
        let key = |user: &User| (user.username.as_str().to_ascii_lowercase(), user.id);
        for user in users {
            self.people.retain(|known| known.id != user.id);
            let place = self.people.partition_point(|other| key(other) < key(user));
            self.people.insert(place, user.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::ids::Rev;

    use super::*;
    use crate::state::samples::{room, room_id, user};

    fn names(presence: &Presence) -> Vec<&str> {
        presence.people.iter().map(|user| user.username.as_str()).collect()
    }

    fn entered() -> Presence {
        let mut presence = Presence::default();
        presence.enter(Some(room_id(1)));
        let online = vec![user(1, "grace"), user(2, "Adam")];
        presence.apply(&ServerEvent::Subscribed { room: room(1, "Lobby"), rev: Rev(0), online, visitors: 1 });
        presence
    }

    #[test]
    fn people_are_listed_by_name_as_they_come_and_go() {
        let mut presence = entered();
        assert_eq!(names(&presence), ["Adam", "grace"]);
        let joined = vec![user(3, "emmy"), user(1, "grace")];
        let left = vec![user(2, "Adam").id];
        presence.apply(&ServerEvent::Presence { room_id: room_id(1), joined, left, online: 2, visitors: 0 });
        assert_eq!(names(&presence), ["emmy", "grace"]);
        assert_eq!(presence.visitors, 0);
    }

    #[test]
    fn a_new_name_has_another_place() {
        let mut presence = entered();
        let author = Author::from(&user(2, "Zoe"));
        assert!(presence.has_old_name(&author));
        assert!(presence.rename(&author) && !presence.rename(&author));
        assert_eq!(names(&presence), ["grace", "Zoe"]);
        assert!(!presence.has_old_name(&Author::from(&user(3, "Emmy"))), "somebody who is not there");
    }

    #[test]
    fn people_beyond_the_list_are_a_number() {
        let mut presence = entered();
        let (joined, left) = (vec![], vec![user(2, "Adam").id]);
        presence.apply(&ServerEvent::Presence {
            room_id: room_id(1),
            joined,
            left,
            online: 150,
            visitors: 0,
        });
        assert_eq!((names(&presence), presence.unlisted()), (vec!["grace"], 149));
    }

    #[test]
    fn other_rooms_are_none_of_its_business() {
        let mut presence = entered();
        let joined = vec![user(3, "emmy")];
        presence.apply(&ServerEvent::Presence {
            room_id: room_id(2),
            joined,
            left: vec![],
            online: 9,
            visitors: 9,
        });
        assert_eq!(names(&presence), ["Adam", "grace"]);
        presence.enter(Some(room_id(2)));
        assert!(presence.people.is_empty());
    }
}
