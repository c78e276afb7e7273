//! The realtime state of one room, as plain data: its followers and the delivery to them. The hub holds the lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use chrono::{DateTime, Utc};
use shared::events::ServerEvent;
use shared::ids::{Rev, RoomId, UserId};
use shared::members::Viewer;
use shared::timestamp::Timestamp;
use shared::users::User;
use tokio::sync::watch;

use super::budget::Budget;
use super::connection::{Connection, ConnectionId};
use super::frame::Frame;
use super::presence::{Counted, Presence, Snapshot, Version};
use super::typing::{Typing, Typist};
use super::wakeups::Wakeups;

/// A room with followers.
#[derive(Default)]
pub(super) struct Room {
    followers: HashMap<ConnectionId, Follower>,
    presence: Presence,
    typing: Typing,
    /// The latest change that was published while the room was followed. A change that a subscriber read does not
    /// count: if the answer to its COMMIT was lost, it is readable before it is published.
    published: Option<Rev>,
    /// The latest change that is known to exist: published, or read by a subscriber.
    known: Option<Rev>,
    /// Those who wait for changes of the room without following it.
    watched: Option<Watched>,
}

/// Tells those who wait for changes of the latest one.
struct Watched {
    latest: watch::Sender<Option<Rev>>,
    count: usize,
}

struct Follower {
    connection: Arc<Connection>,
    stage: Stage,
    /// As whom it is counted, once the room is confirmed to exist.
    counted: Option<Counted>,
    /// The version of presence that it was sent, if any.
    seen_presence: Option<Version>,
    /// What its user may say. `None` until the room is confirmed, or the user's rights change.
    voice: Option<Voice>,
    /// Whether it asked to be present.
    wants_presence: bool,
}

/// What the user of a connection may say in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// A user who is banned only reads, as a visitor.
    pub is_banned: bool,
    /// Until when the user is muted.
    pub muted_until: Option<Timestamp>,
}

impl From<&Viewer> for Voice {
    fn from(viewer: &Viewer) -> Self {
        Self { is_banned: viewer.banned, muted_until: viewer.muted_until }
    }
}

/// Why a user is not shown as typing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silent {
    /// The connection is not present in the room.
    Absent,
    /// The user is banned.
    Banned,
    /// The user is muted.
    Muted,
}

enum Stage {
    /// The missed changes are being read; live events are held.
    Joining(Box<Held>),
    /// It has received everything up to this change.
    Live(Rev),
}

/// Live events that are held until the end of a replay.
#[derive(Default)]
struct Held {
    events: Vec<(Rev, Frame)>,
    bytes: usize,
}

impl Room {
    pub(super) fn is_abandoned(&self) -> bool {
        self.followers.is_empty() && self.watched.is_none()
    }

    /// Adds somebody who waits for changes.
    pub(super) fn watch(&mut self) -> watch::Receiver<Option<Rev>> {
        let new = || Watched { latest: watch::Sender::new(None), count: 0 };
        let watched = self.watched.get_or_insert_with(new);
        watched.count += 1;
        watched.latest.subscribe()
    }

    /// Removes somebody who waited for changes.
    pub(super) fn unwatch(&mut self) {
        self.watched.take_if(|watched| {
            watched.count -= 1;
            watched.count == 0
        });
    }

    pub(super) fn is_followed_by(&self, id: ConnectionId) -> bool {
        self.followers.contains_key(&id)
    }

    pub(super) fn online_count(&self) -> u32 {
        self.presence.count()
    }

    pub(super) fn published(&self) -> Option<Rev> {
        self.published
    }

    pub(super) fn known(&self) -> Option<Rev> {
        self.known
    }

    /// Whether there is news that depends on time: delayed presence, or typing that may expire.
    pub(super) fn is_waiting(&self) -> bool {
        self.presence.has_news() || !self.typing.is_empty()
    }

    /// Adds a follower. Its events are held until [`Self::go_live`].
    pub(super) fn join(&mut self, connection: &Arc<Connection>) {
        let follower = self.followers.entry(connection.id).or_insert_with(|| Follower {
            connection: connection.clone(),
            stage: Stage::Live(Rev::ZERO),
            counted: None,
            seen_presence: None,
            voice: None,
            wants_presence: false,
        });
        follower.take_held();
        follower.voice = None;
        follower.stage = Stage::Joining(Box::default());
    }

    /// Confirms a follower whose user may say this, unless that has changed meanwhile. Counts the connection, as present
    /// or absent. It receives presence events after [`Self::send_subscribed`].
    pub(super) fn confirm(&mut self, id: ConnectionId, present: bool, voice: Voice) -> Option<Typist> {
        let follower = self.followers.get_mut(&id)?;
        follower.wants_presence = present;
        follower.voice.get_or_insert(voice);
        self.count(id)
    }

    /// Sets what the user of a connection may say.
    pub(super) fn set_voice(&mut self, id: ConnectionId, voice: Voice) -> Option<Typist> {
        let follower = self.followers.get_mut(&id)?;
        follower.voice = Some(voice);
        if follower.counted.is_some() {
            let stopped = self.count(id);
            return stopped.or_else(|| voice.muted_until.and_then(|_| self.typing.stop_on(id)));
        }
        None
    }

    /// Counts a connection. Returns the user who stopped typing on it.
    fn count(&mut self, id: ConnectionId) -> Option<Typist> {
        let follower = self.followers.get_mut(&id)?;
        let is_banned = follower.voice.is_some_and(|voice| voice.is_banned);
        let counted = match (follower.wants_presence, follower.connection.user()) {
            (false, _) => Counted::Absent,
            (true, Some(user)) if !is_banned => Counted::Person(user),
            (true, _) => Counted::Visitor,
        };
        let before = follower.counted.replace(counted.clone());
        // Arriving comes before leaving, so that a user who stays is never absent in between.
        self.presence.arrive(&counted);
        if let Some(before) = before {
            self.presence.leave(&before);
        }
        if matches!(counted, Counted::Person(_)) { None } else { self.typing.stop_on(id) }
    }

    /// The current presence for a follower. Until [`Self::send_subscribed`] it receives no presence events.
    pub(super) fn snapshot(&mut self, id: ConnectionId) -> Option<Snapshot> {
        let follower = self.followers.get_mut(&id)?;
        follower.seen_presence = None;
        let own = follower.counted.as_ref().unwrap_or(&Counted::Absent);
        Some(self.presence.snapshot(own))
    }

    /// Whether other followers were told of changes that a snapshot lacks.
    pub(super) fn is_outdated(&self, snapshot: Version) -> bool {
        self.presence.told_version() > snapshot
    }

    /// Sends `subscribed` to a follower, with the presence of that version.
    pub(super) fn send_subscribed(&mut self, id: ConnectionId, frame: Frame, version: Version) {
        if let Some(follower) = self.followers.get_mut(&id) {
            follower.connection.outbox.push(frame);
            follower.seen_presence = Some(version);
        }
    }

    /// Counts a connection anew after its identity changed, if it is present.
    pub(super) fn identify(&mut self, id: ConnectionId, voice: Option<Voice>) {
        let Some(follower) = self.followers.get_mut(&id) else { return };
        follower.voice = voice;
        if follower.counted.is_some() {
            self.count(id);
        }
    }

    /// Follows a user's new name. Followers hear of it by the change of the membership.
    pub(super) fn rename(&mut self, user: &Arc<User>) {
        self.presence.rename(user);
        for follower in self.followers.values_mut() {
            if let Some(Counted::Person(counted)) = &mut follower.counted
                && counted.id == user.id
            {
                *counted = user.clone();
            }
        }
    }

    /// Delivers the held events and starts live delivery after `rev`.
    pub(super) fn go_live(&mut self, id: ConnectionId, rev: Rev) {
        let Some(follower) = self.followers.get_mut(&id) else { return };
        let held = follower.take_held();
        follower.stage = Stage::Live(rev);
        let reader = follower.deliver(held.iter().map(|(rev, frame)| (*rev, frame)));
        Wakeups::default().add(reader);
        self.known = self.known.max(Some(rev));
    }

    /// Delivers changes, in the order of `rev`, to every follower that has not received them.
    pub(super) fn publish(&mut self, changes: &[Change]) -> Wakeups {
        let mut wakeups = Wakeups::default();
        let Some(last) = changes.last().map(|change| change.rev) else { return wakeups };
        self.published = self.published.max(Some(last));
        self.known = self.known.max(Some(last));
        if let Some(watched) = &self.watched {
            watched.latest.send_replace(Some(last));
        }
        for follower in self.followers.values_mut() {
            wakeups.add(follower.deliver(changes.iter().map(|change| (change.rev, &change.frame))));
        }
        wakeups
    }

    /// Delivers the deletion of the room, also to followers whose replay is not complete.
    pub(super) fn delete(&mut self, rev: Rev, frame: &Frame) {
        for follower in self.followers.values_mut() {
            match follower.stage {
                Stage::Joining(_) => {
                    follower.take_held();
                    follower.connection.outbox.push(frame.clone());
                }
                Stage::Live(_) => Wakeups::default().add(follower.deliver([(rev, frame)])),
            }
        }
    }

    /// Removes a follower. Returns the user who was typing on it.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Typist> {
        let mut follower = self.followers.remove(&id)?;
        follower.take_held();
        if let Some(counted) = follower.counted {
            self.presence.leave(&counted);
        }
        self.typing.stop_on(id)
    }

    /// Sends a presence event to the followers, if something changed and the interval has passed.
    pub(super) fn send_presence(&mut self, room_id: RoomId, now: Instant, budget: &Arc<Budget>) {
        let Some(event) = self.presence.news(room_id, now) else { return };
        let Some(frame) = Frame::event(budget, &event) else { return };
        let told = self.presence.told_version();
        for follower in self.followers.values_mut().filter(|follower| follower.is_present()) {
            // A follower that has just received `subscribed` may know this version already.
            if follower.seen_presence.is_some_and(|seen| seen < told) {
                follower.seen_presence = Some(told);
                follower.connection.outbox.push(frame.clone());
            }
        }
    }

    /// Records that a user types or stopped typing. Returns the change to send.
    ///
    /// # Errors
    /// Why the user is not shown as typing.
    pub(super) fn set_typing(
        &mut self,
        id: ConnectionId,
        active: bool,
        now: Instant,
    ) -> Result<Option<Typed>, Silent> {
        let follower = self.followers.get(&id).ok_or(Silent::Absent)?;
        let voice = follower.voice.unwrap_or_default();
        if voice.is_banned {
            return Err(Silent::Banned);
        }
        if voice.muted_until.is_some_and(|until| DateTime::<Utc>::from(until) > Utc::now()) {
            return Err(Silent::Muted);
        }
        let Some(Counted::Person(user)) = follower.counted.clone() else { return Err(Silent::Absent) };
        if !active {
            return Ok(self.typing.stop(user.id).map(Typed::stopped));
        }
        let is_news = self.typing.start(&user, id, now);
        Ok(is_news.then_some(Typed { user, connection: id, active }))
    }

    /// Ends the typing of a user who sent a message.
    pub(super) fn stop_typing(&mut self, user_id: UserId) -> Option<Typist> {
        self.typing.stop(user_id)
    }

    /// Ends typing that expired.
    pub(super) fn expire_typing(&mut self, now: Instant) -> Vec<Typist> {
        self.typing.expire(now)
    }

    /// Sends a typing event to all present connections except its origin.
    pub(super) fn send_typing(&self, room_id: RoomId, typed: &Typed, budget: &Arc<Budget>) {
        let Typed { user, connection, active } = typed;
        let event = ServerEvent::Typing { room_id, user: user.as_ref().clone(), active: *active };
        let Some(frame) = Frame::event(budget, &event) else { return };
        for (id, follower) in &self.followers {
            if id != connection && follower.is_present() {
                follower.connection.outbox.push(frame.clone());
            }
        }
    }
}

/// A change with its event, encoded.
pub(super) struct Change {
    pub(super) rev: Rev,
    pub(super) event: ServerEvent,
    pub(super) frame: Frame,
}

/// A user began or stopped typing on a connection.
pub(super) struct Typed {
    user: Arc<User>,
    connection: ConnectionId,
    active: bool,
}

impl Typed {
    pub(super) fn stopped(typist: Typist) -> Self {
        Self { user: typist.user, connection: typist.connection, active: false }
    }
}

impl Follower {
    /// Whether it is present in the room, and so receives presence and typing.
    fn is_present(&self) -> bool {
        matches!(self.counted, Some(Counted::Person(_) | Counted::Visitor))
    }

    /// Delivers changes in the order of `rev`, or holds them. What the follower has already is left out.
    fn deliver<'frame>(&mut self, changes: impl IntoIterator<Item = (Rev, &'frame Frame)>) -> Option<Waker> {
        match &mut self.stage {
            Stage::Joining(held) => {
                for (rev, frame) in changes {
                    if !self.connection.outbox.is_closing() {
                        held.bytes += frame.len();
                        held.events.push((rev, frame.clone()));
                        self.connection.outbox.reserve(frame.len());
                    }
                }
                None
            }
            Stage::Live(has) => {
                let news = changes.into_iter().filter(|(rev, _)| {
                    let is_news = rev > has;
                    *has = (*has).max(*rev);
                    is_news
                });
                self.connection.outbox.push_all(news.map(|(_, frame)| frame.clone()))
            }
        }
    }

    /// Takes the held events.
    fn take_held(&mut self) -> Vec<(Rev, Frame)> {
        match &mut self.stage {
            Stage::Joining(held) => {
                self.connection.outbox.release(std::mem::take(&mut held.bytes));
                std::mem::take(&mut held.events)
            }
            Stage::Live(_) => Vec::new(),
        }
    }
}
