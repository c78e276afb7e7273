//! One room's live side as plain data: who follows it, who is in it, who is typing. The hub holds the lock.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::events::{CloseCode, ServerEvent};
use shared::ids::{Rev, RoomId, UserId};
use shared::messages::Message;
use shared::users::User;

use super::frame::Frame;
use super::hub::{Connection, ConnectionId};
use super::newest::{Newest, NewestPage};
use super::outbox::{MAX_QUEUED_BYTES, Outbox};

/// Typing ends after this much silence.
pub(super) const TYPING_SILENCE: Duration = Duration::from_secs(5);
/// While somebody goes on typing, the others hear of it again this often.
const TYPING_REPEAT: Duration = Duration::from_secs(3);
/// Presence is told at once, but to a busy room not more often than this.
const PRESENCE_INTERVAL: Duration = Duration::from_millis(200);

/// A room that somebody follows.
#[derive(Default)]
pub(super) struct Room {
    followers: HashMap<ConnectionId, Follower>,
    /// Ordered by id, which is by age: lists come out the same for everybody.
    people: BTreeMap<UserId, Person>,
    visitors: u32,
    typing: HashMap<UserId, Typist>,
    /// The latest change that was published while the room was followed. What a subscriber read does not count: a
    /// change whose COMMIT answer was lost is readable before it is published.
    pub(super) published: Option<Rev>,
    /// The latest change that is known to exist: published, or read by a subscriber.
    known: Option<Rev>,
    /// The end of its history, once somebody has asked for it.
    newest: Option<Newest>,
    /// Whose presence changed since it was last told.
    touched: HashSet<UserId>,
    visitors_touched: bool,
    told_at: Option<Instant>,
}

struct Follower {
    connection: Arc<Connection>,
    /// The connection's own, one step nearer: it is needed for each event.
    outbox: Arc<Outbox>,
    stage: Stage,
    /// As whom it is counted: set once the room is introduced to it.
    counted: Option<Counted>,
    /// It was told who is here after presence last went out to all.
    is_new: bool,
}

#[derive(Clone)]
enum Counted {
    Person(Arc<User>),
    Visitor,
    /// Follows from afar.
    Absent,
}

enum Stage {
    /// What it missed is being read; live events wait.
    Joining(Box<Held>),
    /// Has everything up to here.
    Live { rev: Rev },
}

#[derive(Default)]
struct Held {
    events: Vec<(Rev, Frame)>,
    bytes: usize,
}

struct Person {
    user: Arc<User>,
    /// Tabs, windows, devices: the person is one.
    connections: u32,
}

struct Typist {
    user: Arc<User>,
    connection: ConnectionId,
    until: Instant,
    told_at: Instant,
}

impl Room {
    pub(super) fn is_abandoned(&self) -> bool {
        self.followers.is_empty()
    }

    pub(super) fn is_followed_by(&self, id: ConnectionId) -> bool {
        self.followers.contains_key(&id)
    }

    /// The people in the room.
    pub(super) fn online(&self) -> Vec<User> {
        self.people.values().map(|person| person.user.as_ref().clone()).collect()
    }

    pub(super) fn online_count(&self) -> u32 {
        self.people.len() as u32
    }

    pub(super) fn visitors(&self) -> u32 {
        self.visitors
    }

    /// From now on the connection's events are held, until [`Self::go_live`].
    pub(super) fn join(&mut self, connection: &Arc<Connection>) {
        let stage = Stage::Joining(Box::default());
        match self.followers.get_mut(&connection.id) {
            Some(follower) => follower.stage = stage,
            None => {
                let follower = Follower {
                    connection: connection.clone(),
                    outbox: connection.outbox.clone(),
                    stage,
                    counted: None,
                    is_new: true,
                };
                self.followers.insert(connection.id, follower);
            }
        }
    }

    /// The connection is counted, as present or not, and may hear of presence.
    pub(super) fn count(&mut self, room_id: RoomId, id: ConnectionId, present: bool) {
        let Some(follower) = self.followers.get_mut(&id) else { return };
        let counted = match (present, follower.connection.user()) {
            (false, _) => Counted::Absent,
            (true, Some(user)) => Counted::Person(user),
            (true, None) => Counted::Visitor,
        };
        follower.is_new = true;
        let before = follower.counted.replace(counted.clone());
        // Arrive before leaving, so that a person who stays never seems to go.
        self.arrive(&counted);
        if let Some(before) = before {
            self.leave(&before);
        }
        if matches!(counted, Counted::Absent) {
            self.stop_typing_from(room_id, id);
        }
    }

    /// The connection became somebody.
    pub(super) fn identify(&mut self, room_id: RoomId, id: ConnectionId) {
        let present = self.followers.get(&id).and_then(|follower| follower.counted.as_ref());
        if matches!(present, Some(Counted::Visitor | Counted::Person(_))) {
            self.count(room_id, id, true);
        }
    }

    /// What was held comes out and live delivery begins, after `rev`.
    pub(super) fn go_live(&mut self, id: ConnectionId, rev: Rev) {
        let Some(follower) = self.followers.get_mut(&id) else { return };
        let stage = std::mem::replace(&mut follower.stage, Stage::Live { rev });
        if let Stage::Joining(held) = stage {
            for (rev, frame) in held.events {
                follower.deliver(rev, &frame);
            }
        }
        self.known = self.known.max(Some(rev));
        self.newest.take_if(|newest| newest.rev() < rev);
    }

    /// Delivers a change, in the order of `rev`, to everybody who does not have it.
    pub(super) fn publish(&mut self, rev: Rev, event: &ServerEvent, frame: &Frame) {
        self.published = self.published.max(Some(rev));
        self.known = self.known.max(Some(rev));
        self.newest.take_if(|newest| newest.apply(rev, event).is_none());
        for follower in self.followers.values_mut() {
            follower.deliver(rev, frame);
        }
    }

    /// The newest page, if it is kept.
    pub(super) fn newest(&self, limit: usize) -> Option<NewestPage> {
        self.newest.as_ref()?.page(limit)
    }

    /// Keeps what the database shows at `rev`, unless a later change is known.
    pub(super) fn keep_newest(&mut self, rev: Rev, messages: &[Message]) {
        if self.known.is_some_and(|known| known <= rev) {
            self.newest = Newest::new(rev, messages);
        }
    }

    /// The connection follows no longer.
    pub(super) fn remove(&mut self, room_id: RoomId, id: ConnectionId) {
        self.stop_typing_from(room_id, id);
        if let Some(counted) = self.followers.remove(&id).and_then(|follower| follower.counted) {
            self.leave(&counted);
        }
    }

    fn arrive(&mut self, counted: &Counted) {
        match counted {
            Counted::Person(user) => {
                let person = self
                    .people
                    .entry(user.id)
                    .or_insert_with(|| Person { user: user.clone(), connections: 0 });
                person.connections += 1;
                if person.connections == 1 {
                    self.touched.insert(user.id);
                }
            }
            Counted::Visitor => {
                self.visitors += 1;
                self.visitors_touched = true;
            }
            Counted::Absent => {}
        }
    }

    fn leave(&mut self, counted: &Counted) {
        match counted {
            Counted::Person(user) => {
                let Some(person) = self.people.get_mut(&user.id) else { return };
                person.connections -= 1;
                if person.connections == 0 {
                    self.people.remove(&user.id);
                    self.touched.insert(user.id);
                }
            }
            Counted::Visitor => {
                self.visitors = self.visitors.saturating_sub(1);
                self.visitors_touched = true;
            }
            Counted::Absent => {}
        }
    }

    /// Whether presence changed and has not been told.
    pub(super) fn has_news(&self) -> bool {
        self.visitors_touched || !self.touched.is_empty()
    }

    /// Tells those present who came and went, if there is something to tell and it is time. What changed meanwhile
    /// goes out as it is at the end, so it is right for everybody, whenever they came.
    pub(super) fn tell_presence(&mut self, room_id: RoomId, now: Instant) {
        let too_early = self.told_at.is_some_and(|told_at| now.duration_since(told_at) < PRESENCE_INTERVAL);
        if too_early || !self.has_news() {
            return;
        }
        self.told_at = Some(now);
        let touched = std::mem::take(&mut self.touched);
        self.visitors_touched = false;
        let joined = touched
            .iter()
            .filter_map(|id| self.people.get(id))
            .map(|person| person.user.as_ref().clone())
            .collect();
        let left = touched.iter().copied().filter(|id| !self.people.contains_key(id)).collect();
        let event = ServerEvent::Presence { room_id, joined, left, visitors: self.visitors };
        let Some(frame) = Frame::event(&event) else { return };
        for follower in self.followers.values_mut() {
            // Whoever has just been told who is here needs no news of their own coming.
            let is_own_arrival = std::mem::take(&mut follower.is_new)
                && match &follower.counted {
                    Some(Counted::Person(user)) => touched.iter().all(|id| *id == user.id),
                    Some(Counted::Visitor) => touched.is_empty(),
                    _ => false,
                };
            if !is_own_arrival && follower.hears_people() {
                follower.outbox.push(frame.clone());
            }
        }
    }

    /// Somebody began or stopped typing on this connection. False when the connection is not in the room.
    pub(super) fn set_typing(
        &mut self,
        room_id: RoomId,
        id: ConnectionId,
        active: bool,
        now: Instant,
    ) -> bool {
        let counted = self.followers.get(&id).and_then(|follower| follower.counted.clone());
        let Some(Counted::Person(user)) = counted else { return false };
        if !active {
            self.stop_typing(room_id, user.id);
            return true;
        }
        let until = now + TYPING_SILENCE;
        let is_news = match self.typing.get_mut(&user.id) {
            Some(typist) => {
                (typist.until, typist.connection) = (until, id);
                let is_news = now.duration_since(typist.told_at) >= TYPING_REPEAT;
                if is_news {
                    typist.told_at = now;
                }
                is_news
            }
            None => {
                let typist = Typist { user: user.clone(), connection: id, until, told_at: now };
                self.typing.insert(user.id, typist);
                true
            }
        };
        if is_news {
            self.tell_typing(room_id, &user, true, id);
        }
        true
    }

    /// The user sent a message or said that they stopped.
    pub(super) fn stop_typing(&mut self, room_id: RoomId, user_id: UserId) {
        if let Some(typist) = self.typing.remove(&user_id) {
            self.tell_typing(room_id, &typist.user, false, typist.connection);
        }
    }

    /// Ends the typing of those who have been silent.
    pub(super) fn stop_silent_typing(&mut self, room_id: RoomId, now: Instant) {
        let silent: Vec<UserId> =
            self.typing.iter().filter(|(_, typist)| typist.until <= now).map(|(id, _)| *id).collect();
        for user_id in silent {
            self.stop_typing(room_id, user_id);
        }
    }

    /// Whether somebody is typing.
    pub(super) fn has_typists(&self) -> bool {
        !self.typing.is_empty()
    }

    /// Leaving ends typing.
    fn stop_typing_from(&mut self, room_id: RoomId, id: ConnectionId) {
        let gone = self.typing.iter().find(|(_, typist)| typist.connection == id);
        if let Some(user_id) = gone.map(|(user_id, _)| *user_id) {
            self.stop_typing(room_id, user_id);
        }
    }

    fn tell_typing(&self, room_id: RoomId, user: &User, active: bool, except: ConnectionId) {
        let event = ServerEvent::Typing { room_id, user: user.clone(), active };
        let Some(frame) = Frame::event(&event) else { return };
        for follower in self.followers.values() {
            if follower.connection.id != except && follower.hears_people() {
                follower.outbox.push(frame.clone());
            }
        }
    }
}

impl Follower {
    fn hears_people(&self) -> bool {
        matches!(self.counted, Some(Counted::Person(_) | Counted::Visitor))
    }

    fn deliver(&mut self, rev: Rev, frame: &Frame) {
        match &mut self.stage {
            Stage::Joining(held) => {
                held.bytes += frame.0.len();
                held.events.push((rev, frame.clone()));
                if held.bytes > MAX_QUEUED_BYTES {
                    held.events.clear();
                    self.outbox.close(CloseCode::SlowConsumer);
                }
            }
            Stage::Live { rev: has } if rev > *has => {
                *has = rev;
                self.outbox.push(frame.clone());
            }
            Stage::Live { .. } => {}
        }
    }
}
