//! The users and visitors in a room, as plain data.
//!
//! Followers know the same list of at most [`MAX_LISTED`] users, and the total number. The cost of a change therefore
//! does not grow with the room: a user beyond the list only changes the number, and when a listed user leaves, another
//! user is listed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::events::ServerEvent;
use shared::ids::{RoomId, UserId};
use shared::users::User;

/// The maximal number of listed users.
pub const MAX_LISTED: usize = 100;
/// The minimal time between two presence events of a room.
const INTERVAL: Duration = Duration::from_millis(200);

/// A counter of the changes of presence in a room.
pub(super) type Version = u64;

/// The users and visitors in a room.
#[derive(Default)]
pub(super) struct Presence {
    /// Ordered by id, which is by the time of creation.
    listed: BTreeMap<UserId, Person>,
    unlisted: BTreeMap<UserId, Person>,
    /// Connections without a session.
    visitors: u32,
    version: Version,
    /// Users that followers know and that have left since.
    gone: Vec<UserId>,
    /// Whether a connection subscribed since the last presence event.
    has_snapshots: bool,
    told: Told,
}

/// What the last presence event said.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    version: Version,
    online: u32,
    visitors: u32,
    at: Option<Instant>,
}

struct Person {
    user: Arc<User>,
    /// The number of connections, such as tabs and devices.
    connections: u32,
    /// Whether the last presence event to all followers still holds for this user.
    is_told: bool,
    /// Whether any follower may know that the user is present: by an event, or by its `subscribed`.
    is_known: bool,
}

/// As whom a connection is counted.
#[derive(Clone)]
pub(super) enum Counted {
    /// A user with a session.
    Person(Arc<User>),
    /// A visitor without a session.
    Visitor,
    /// Not at all: it follows the room without being present.
    Absent,
}

/// The presence at one version.
pub(super) struct Snapshot {
    /// The listed users, and the user whom it is for.
    pub(super) online: Vec<Arc<User>>,
    /// The total number of users.
    pub(super) count: u32,
    pub(super) visitors: u32,
    pub(super) version: Version,
}

impl Presence {
    /// The number of users in the room.
    pub(super) fn count(&self) -> u32 {
        (self.listed.len() + self.unlisted.len()) as u32
    }

    /// The version of the last presence event.
    pub(super) fn told_version(&self) -> Version {
        self.told.version
    }

    /// Whether something changed since the last presence event.
    pub(super) fn has_news(&self) -> bool {
        self.version != self.told.version
    }

    /// The current presence, for a connection that is counted as `own`.
    pub(super) fn snapshot(&mut self, own: &Counted) -> Snapshot {
        self.has_snapshots = true;
        let list = self.listed.values_mut().map(|person| {
            person.is_known = true;
            person.user.clone()
        });
        let mut online: Vec<Arc<User>> = list.collect();
        if let Counted::Person(user) = own
            && !self.listed.contains_key(&user.id)
        {
            online.push(user.clone());
        }
        Snapshot { online, count: self.count(), visitors: self.visitors, version: self.version }
    }

    /// Adds a connection.
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

    /// Removes a connection.
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

    /// Follows a user's new name.
    pub(super) fn rename(&mut self, user: &Arc<User>) {
        if let Some(person) = self.listed.get_mut(&user.id).or_else(|| self.unlisted.get_mut(&user.id)) {
            person.user = user.clone();
        }
    }

    fn person_arrives(&mut self, user: &Arc<User>) {
        let id = user.id;
        if let Some(person) = self.listed.get_mut(&id).or_else(|| self.unlisted.get_mut(&id)) {
            person.connections += 1;
            return;
        }
        self.version += 1;
        let person = Person { user: user.clone(), connections: 1, is_told: false, is_known: false };
        if self.listed.len() < MAX_LISTED {
            self.list(person);
        } else {
            self.unlisted.insert(id, person);
        }
    }

    fn list(&mut self, mut person: Person) {
        let id = person.user.id;
        if let Some(position) = self.gone.iter().position(|gone| *gone == id) {
            // Followers were not told yet that the user left, so some know the user. Whoever subscribed meanwhile does
            // not.
            self.gone.swap_remove(position);
            (person.is_known, person.is_told) = (true, !self.has_snapshots);
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
        if person.is_told || person.is_known {
            self.gone.push(id);
        }
        if let Some((_, person)) = self.unlisted.pop_first() {
            self.list(person);
        }
    }

    /// The presence event to send now, if something changed and the interval has passed. It contains the differences to
    /// the previous event, not every change in between.
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
            (person.is_told, person.is_known) = (true, true);
            joined.push(person.user.as_ref().clone());
        }
        let left = std::mem::take(&mut self.gone);
        // A follower that subscribed meanwhile may have other numbers than those of the last event.
        let is_same = !std::mem::take(&mut self.has_snapshots)
            && joined.is_empty()
            && left.is_empty()
            && (online, visitors) == (before.online, before.visitors);
        (!is_same).then_some(ServerEvent::Presence { room_id, joined, left, online, visitors })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::{DateTime, Utc};
    use shared::users::{UserKind, Username};
    use uuid::Uuid;

    use super::*;

    fn person(number: usize) -> Counted {
        Counted::Person(Arc::new(User {
            id: id(number),
            username: Username::from_stored(format!("user {number}")),
            kind: UserKind::Guest,
            avatar_url: None,
            created_at: DateTime::<Utc>::UNIX_EPOCH.into(),
            deleted_at: None,
        }))
    }

    fn id(number: usize) -> UserId {
        UserId(Uuid::from_u128(number as u128))
    }

    /// A room and a clock that advances with each call of `news`.
    struct Clock(Presence, Instant);

    impl Clock {
        fn new(people: usize) -> Self {
            let mut presence = Presence::default();
            (0..people).for_each(|number| presence.arrive(&person(number)));
            Self(presence, Instant::now())
        }

        /// Who joined, who left, and the numbers of users and visitors.
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
    fn a_user_who_joins_and_leaves_between_two_events_is_not_mentioned() {
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
    fn a_user_is_present_until_their_last_connection_leaves() {
        let mut room = Clock::new(1);
        room.0.arrive(&person(0));
        assert_eq!(room.news(), Some((vec![id(0)], vec![], 1, 0)));
        room.0.leave(&person(0));
        assert_eq!(room.news(), None);
        room.0.leave(&person(0));
        assert_eq!(room.news(), Some((vec![], vec![id(0)], 0, 0)));
    }

    #[test]
    fn users_beyond_the_list_change_the_number_and_are_listed_when_others_leave() {
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
    fn the_event_of_a_thousand_simultaneous_changes_is_bounded() {
        let mut room = Clock::new(1_000);
        let (joined, left, online, _) = room.news().unwrap();
        assert_eq!((joined.len(), left.len(), online), (MAX_LISTED, 0, 1_000));
        (0..990).for_each(|number| room.0.leave(&person(number)));
        let (joined, left, online, _) = room.news().unwrap();
        assert_eq!((joined.len(), left.len(), online), (10, MAX_LISTED, 10));
    }

    /// A follower as the protocol knows it: what `subscribed` said, and the presence events since.
    struct Follower {
        version: Version,
        list: BTreeSet<UserId>,
        online: u32,
        visitors: u32,
    }

    #[test]
    fn every_follower_knows_who_is_present_however_people_come_go_and_subscribe() {
        // A linear congruential generator with fixed seeds, so that a failure can be repeated.
        for seed in 0..300_u32 {
            let mut state = seed.wrapping_mul(2_654_435_761) | 1;
            let mut random = |below: u32| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) % below
            };
            // With a small room and with one beyond the list.
            let base = if seed % 3 == 0 { MAX_LISTED - 3 } else { 0 };
            let mut room = Clock::new(base);
            let (mut present, mut followers, mut visitors) = (BTreeSet::new(), Vec::new(), 0);
            for _ in 0..120 {
                let who = 1_000 + random(6) as usize;
                match random(6) {
                    0 | 1 if present.insert(who) => room.0.arrive(&person(who)),
                    0..=2 if present.remove(&who) => room.0.leave(&person(who)),
                    3 if random(2) == 0 => {
                        room.0.arrive(&Counted::Visitor);
                        visitors += 1;
                    }
                    3 if visitors > 0 => {
                        room.0.leave(&Counted::Visitor);
                        visitors -= 1;
                    }
                    4 => {
                        let Snapshot { online, count, visitors, version } = room.0.snapshot(&Counted::Absent);
                        let list = online.iter().map(|user| user.id).collect();
                        followers.push(Follower { version, list, online: count, visitors });
                    }
                    5 => tell(&mut room, &mut followers),
                    _ => {}
                }
            }
            tell(&mut room, &mut followers);
            let listed: BTreeSet<UserId> = room.0.listed.keys().copied().collect();
            for follower in &followers {
                assert_eq!(follower.list, listed, "seed {seed}");
                assert_eq!(follower.online as usize, base + present.len(), "seed {seed}");
                assert_eq!(follower.visitors, visitors, "seed {seed}");
            }
        }
    }

    /// Sends the news to the followers that lack them, as a room does.
    fn tell(room: &mut Clock, followers: &mut [Follower]) {
        let Some((joined, left, online, visitors)) = room.news() else { return };
        let told = room.0.told_version();
        for follower in followers.iter_mut().filter(|follower| follower.version < told) {
            follower.version = told;
            follower.list.retain(|id| !left.contains(id));
            follower.list.extend(&joined);
            (follower.online, follower.visitors) = (online, visitors);
        }
    }
}
