//! Who is in a room, as plain data.
//!
//! Followers know a list of at most [`MAX_LISTED`] people, the same for all of them, and the number of all. So what a
//! change costs does not grow with the room: a person beyond the list changes a number, and when a listed person
//! leaves, another takes the place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::events::ServerEvent;
use shared::ids::{RoomId, UserId};
use shared::users::User;

/// How many people are listed by name.
pub const MAX_LISTED: usize = 100;
/// A busy room hears of presence no more often than this.
const INTERVAL: Duration = Duration::from_millis(200);

/// Counts every change of presence in a room.
pub(super) type Version = u64;

/// The people and visitors in a room.
#[derive(Default)]
pub(super) struct Presence {
    /// By id, which is by age.
    listed: BTreeMap<UserId, Person>,
    unlisted: BTreeMap<UserId, Person>,
    /// People without a name.
    visitors: u32,
    version: Version,
    /// Listed people who were told of and have left since.
    gone: Vec<UserId>,
    told: Told,
}

/// What followers were last told.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    version: Version,
    online: u32,
    visitors: u32,
    at: Option<Instant>,
}

struct Person {
    user: Arc<User>,
    /// Tabs, windows, devices.
    connections: u32,
    /// Whether followers know that they are here.
    is_told: bool,
}

/// As whom a connection is counted.
#[derive(Clone)]
pub(super) enum Counted {
    /// A person.
    Person(Arc<User>),
    /// Somebody without a name.
    Visitor,
    /// It follows the room without being in it.
    Absent,
}

/// Presence at one moment.
pub(super) struct Snapshot {
    /// The listed people, and the person it was made for.
    pub(super) online: Vec<Arc<User>>,
    /// How many people there are.
    pub(super) count: u32,
    pub(super) visitors: u32,
    pub(super) version: Version,
}

impl Presence {
    /// How many people are in the room.
    pub(super) fn count(&self) -> u32 {
        (self.listed.len() + self.unlisted.len()) as u32
    }

    /// The version that followers were last told.
    pub(super) fn told_version(&self) -> Version {
        self.told.version
    }

    /// Whether something changed that followers were not told.
    pub(super) fn has_news(&self) -> bool {
        self.version != self.told.version
    }

    /// Presence now, for a connection that is counted as `own`.
    pub(super) fn snapshot(&self, own: &Counted) -> Snapshot {
        let mut online: Vec<Arc<User>> = self.listed.values().map(|person| person.user.clone()).collect();
        if let Counted::Person(user) = own
            && !self.listed.contains_key(&user.id)
        {
            online.push(user.clone());
        }
        Snapshot { online, count: self.count(), visitors: self.visitors, version: self.version }
    }

    /// Another connection is in the room.
    pub(super) fn arrive(&mut self, counted: &Counted) {
        match counted {
            Counted::Person(user) => self.person_arrives(user),
            Counted::Visitor => {
                self.visitors += 1;
                self.version += 1;
            }
            Counted::Absent => {}
        }
    }

    /// A connection is in the room no longer.
    pub(super) fn leave(&mut self, counted: &Counted) {
        match counted {
            Counted::Person(user) => self.person_leaves(user.id),
            Counted::Visitor => {
                self.visitors = self.visitors.saturating_sub(1);
                self.version += 1;
            }
            Counted::Absent => {}
        }
    }

    fn person_arrives(&mut self, user: &Arc<User>) {
        let id = user.id;
        if let Some(person) = self.listed.get_mut(&id).or_else(|| self.unlisted.get_mut(&id)) {
            person.connections += 1;
            return;
        }
        self.version += 1;
        let mut person = Person { user: user.clone(), connections: 1, is_told: false };
        if self.listed.len() >= MAX_LISTED {
            self.unlisted.insert(id, person);
            return;
        }
        // Followers have not heard yet that this person left.
        if let Some(position) = self.gone.iter().position(|gone| *gone == id) {
            self.gone.swap_remove(position);
            person.is_told = true;
        }
        self.listed.insert(id, person);
    }

    fn person_leaves(&mut self, id: UserId) {
        let Some(person) = self.listed.get_mut(&id).or_else(|| self.unlisted.get_mut(&id)) else { return };
        person.connections -= 1;
        if person.connections > 0 {
            return;
        }
        self.version += 1;
        self.unlisted.remove(&id);
        let Some(person) = self.listed.remove(&id) else { return };
        if person.is_told {
            self.gone.push(id);
        }
        if let Some((id, person)) = self.unlisted.pop_first() {
            self.listed.insert(id, person);
        }
    }

    /// What followers are to be told now, if there is something and it is time. What changed in between goes out as it
    /// is at the end.
    pub(super) fn news(&mut self, room_id: RoomId, now: Instant) -> Option<ServerEvent> {
        let is_early = self.told.at.is_some_and(|told_at| now.duration_since(told_at) < INTERVAL);
        if is_early || !self.has_news() {
            return None;
        }
        let before = self.told;
        let (online, visitors) = (self.count(), self.visitors);
        self.told = Told { version: self.version, online, visitors, at: Some(now) };
        let mut joined = Vec::new();
        for person in self.listed.values_mut().filter(|person| !person.is_told) {
            person.is_told = true;
            joined.push(person.user.as_ref().clone());
        }
        let left = std::mem::take(&mut self.gone);
        let is_same =
            joined.is_empty() && left.is_empty() && (online, visitors) == (before.online, before.visitors);
        (!is_same).then_some(ServerEvent::Presence { room_id, joined, left, online, visitors })
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use shared::users::{UserKind, Username};
    use uuid::Uuid;

    use super::*;

    fn person(number: usize) -> Counted {
        Counted::Person(Arc::new(User {
            id: id(number),
            username: Username::from_stored(format!("user {number}")),
            kind: UserKind::Guest,
            created_at: DateTime::<Utc>::UNIX_EPOCH.into(),
        }))
    }

    fn id(number: usize) -> UserId {
        UserId(Uuid::from_u128(number as u128))
    }

    /// A room, and the clock that moves on with each question.
    struct Clock(Presence, Instant);

    impl Clock {
        fn new(people: usize) -> Self {
            let mut presence = Presence::default();
            (0..people).for_each(|number| presence.arrive(&person(number)));
            Self(presence, Instant::now())
        }

        /// Who joined, who left, how many people and visitors there are.
        fn news(&mut self) -> Option<(Vec<UserId>, Vec<UserId>, u32, u32)> {
            self.1 += INTERVAL;
            match self.0.news(RoomId(Uuid::nil()), self.1)? {
                ServerEvent::Presence { joined, left, online, visitors, .. } => {
                    Some((joined.iter().map(|user| user.id).collect(), left, online, visitors))
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn who_comes_and_goes_between_two_tellings_is_not_told() {
        let mut room = Clock::new(2);
        assert_eq!(room.news(), Some((vec![id(0), id(1)], vec![], 2, 0)));
        assert_eq!(room.news(), None);
        room.0.arrive(&person(2));
        room.0.leave(&person(2));
        room.0.leave(&person(1));
        room.0.arrive(&person(1));
        assert_eq!(room.news(), None);
        room.0.leave(&person(1));
        room.0.arrive(&Counted::Visitor);
        assert_eq!(room.news(), Some((vec![], vec![id(1)], 1, 1)));
    }

    #[test]
    fn a_person_is_there_until_their_last_connection_leaves() {
        let mut room = Clock::new(1);
        room.0.arrive(&person(0));
        assert_eq!(room.news(), Some((vec![id(0)], vec![], 1, 0)));
        room.0.leave(&person(0));
        assert_eq!(room.news(), None);
        room.0.leave(&person(0));
        assert_eq!(room.news(), Some((vec![], vec![id(0)], 0, 0)));
    }

    #[test]
    fn people_beyond_the_list_change_the_number_and_take_the_places_of_those_who_leave() {
        let mut room = Clock::new(MAX_LISTED);
        assert_eq!(room.news().unwrap().0.len(), MAX_LISTED);
        room.0.arrive(&person(500));
        assert_eq!(room.news(), Some((vec![], vec![], 101, 0)));
        let own = room.0.snapshot(&person(500)).online;
        assert_eq!(own.len(), MAX_LISTED + 1, "they see themselves");
        assert_eq!(room.0.snapshot(&Counted::Visitor).online.len(), MAX_LISTED);
        room.0.leave(&person(7));
        assert_eq!(room.news(), Some((vec![id(500)], vec![id(7)], 100, 0)));
    }

    #[test]
    fn what_a_thousand_people_do_at_once_fits_into_a_bounded_event() {
        let mut room = Clock::new(1_000);
        let (joined, left, online, _) = room.news().unwrap();
        assert_eq!((joined.len(), left.len(), online), (MAX_LISTED, 0, 1_000));
        (0..990).for_each(|number| room.0.leave(&person(number)));
        let (joined, left, online, _) = room.news().unwrap();
        assert_eq!((joined.len(), left.len(), online), (10, MAX_LISTED, 10));
    }
}
