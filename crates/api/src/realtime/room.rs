//! One room's live side as plain data: its followers, and what is delivered to them. The hub holds the lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use shared::events::ServerEvent;
use shared::ids::{Rev, RoomId, UserId};

use super::budget::Budget;
use super::connection::{Connection, ConnectionId};
use super::frame::Frame;
use super::presence::{Counted, Presence, Snapshot, Version};
use super::typing::{Typing, Typist};

/// A room that somebody follows.
#[derive(Default)]
pub(super) struct Room {
    followers: HashMap<ConnectionId, Follower>,
    presence: Presence,
    typing: Typing,
    /// The latest change that was published while the room was followed. What a subscriber read does not count: a
    /// change whose COMMIT answer was lost is readable before it is published.
    published: Option<Rev>,
    /// The latest change that is known to exist: published, or read by a subscriber.
    known: Option<Rev>,
}

struct Follower {
    connection: Arc<Connection>,
    stage: Stage,
    /// As whom it is counted, once the room was found to exist.
    counted: Option<Counted>,
    /// The presence it was told, once it was told any.
    knows: Option<Version>,
}

enum Stage {
    /// What it missed is being read; live events wait.
    Joining(Box<Held>),
    /// It has everything up to here.
    Live(Rev),
}

/// Live events that wait for the end of a replay.
#[derive(Default)]
struct Held {
    events: Vec<(Rev, Frame)>,
    bytes: usize,
}

impl Room {
    pub(super) fn is_abandoned(&self) -> bool {
        self.followers.is_empty()
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

    /// Whether time alone will bring something to tell.
    pub(super) fn is_waiting(&self) -> bool {
        self.presence.has_news() || !self.typing.is_empty()
    }

    /// From now on the connection's events are held, until [`Self::go_live`].
    pub(super) fn join(&mut self, connection: &Arc<Connection>) {
        let follower = self.followers.entry(connection.id).or_insert_with(|| Follower {
            connection: connection.clone(),
            stage: Stage::Live(Rev::ZERO),
            counted: None,
            knows: None,
        });
        follower.let_go();
        follower.stage = Stage::Joining(Box::default());
    }

    /// Counts the connection, as present or not. It hears of presence again after [`Self::introduce`].
    pub(super) fn count(&mut self, id: ConnectionId, present: bool) -> Option<Typist> {
        let follower = self.followers.get_mut(&id)?;
        let counted = match (present, follower.connection.user()) {
            (false, _) => Counted::Absent,
            (true, Some(user)) => Counted::Person(user),
            (true, None) => Counted::Visitor,
        };
        let before = follower.counted.replace(counted.clone());
        // Arrive before leaving, so that a person who stays never seems to go.
        self.presence.arrive(&counted);
        if let Some(before) = before {
            self.presence.leave(&before);
        }
        if matches!(counted, Counted::Absent) { self.typing.stop_on(id) } else { None }
    }

    /// Presence now, as a follower is to learn it.
    pub(super) fn snapshot(&mut self, id: ConnectionId) -> Option<Snapshot> {
        let follower = self.followers.get_mut(&id)?;
        follower.knows = None;
        let own = follower.counted.as_ref().unwrap_or(&Counted::Absent);
        Some(self.presence.snapshot(own))
    }

    /// Whether others were told of changes that a snapshot does not have.
    pub(super) fn is_outdated(&self, snapshot: Version) -> bool {
        self.presence.told_version() > snapshot
    }

    /// Sends a follower its `subscribed`, which has the presence of that version.
    pub(super) fn introduce(&mut self, id: ConnectionId, frame: Frame, version: Version) {
        if let Some(follower) = self.followers.get_mut(&id) {
            follower.connection.outbox.push(frame);
            follower.knows = Some(version);
        }
    }

    /// The connection became somebody: counts it anew, if it is in the room.
    pub(super) fn identify(&mut self, id: ConnectionId) {
        let counted = self.followers.get(&id).and_then(|follower| follower.counted.as_ref());
        if matches!(counted, Some(Counted::Visitor | Counted::Person(_))) {
            self.count(id, true);
        }
    }

    /// Delivers what was held and begins live delivery after `rev`.
    pub(super) fn go_live(&mut self, id: ConnectionId, rev: Rev) {
        let Some(follower) = self.followers.get_mut(&id) else { return };
        let held = follower.let_go();
        follower.stage = Stage::Live(rev);
        follower.deliver(held.iter().map(|(rev, frame)| (*rev, frame)));
        self.known = self.known.max(Some(rev));
    }

    /// Delivers changes, in the order of `rev`, to every follower that does not have them.
    pub(super) fn publish(&mut self, changes: &[Change]) {
        let Some(last) = changes.last().map(|change| change.rev) else { return };
        self.published = self.published.max(Some(last));
        self.known = self.known.max(Some(last));
        for follower in self.followers.values_mut() {
            follower.deliver(changes.iter().map(|change| (change.rev, &change.frame)));
        }
    }

    /// Delivers the room's deletion, also to followers that are still joining: there is nothing left to wait for.
    pub(super) fn delete(&mut self, rev: Rev, frame: &Frame) {
        for follower in self.followers.values_mut() {
            match follower.stage {
                Stage::Joining(_) => {
                    follower.let_go();
                    follower.connection.outbox.push(frame.clone());
                }
                Stage::Live(_) => follower.deliver([(rev, frame)]),
            }
        }
    }

    /// The connection follows no longer. Returns the person who typed on it.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Typist> {
        let mut follower = self.followers.remove(&id)?;
        follower.let_go();
        if let Some(counted) = follower.counted {
            self.presence.leave(&counted);
        }
        self.typing.stop_on(id)
    }

    /// Tells followers who came and went, if there is something to tell and it is time.
    pub(super) fn tell_presence(&mut self, room_id: RoomId, now: Instant, budget: &Arc<Budget>) {
        let Some(event) = self.presence.news(room_id, now) else { return };
        let Some(frame) = Frame::event(budget, &event) else { return };
        let told = self.presence.told_version();
        for follower in self.followers.values_mut().filter(|follower| follower.is_present()) {
            // Whoever knows all of it already, for having just been told who is here, is spared.
            if follower.knows.is_some_and(|knows| knows < told) {
                follower.knows = Some(told);
                follower.connection.outbox.push(frame.clone());
            }
        }
    }

    /// A person types or stopped typing on a connection. Returns what to tell, or `None` when the connection is not in
    /// the room.
    pub(super) fn set_typing(
        &mut self,
        id: ConnectionId,
        active: bool,
        now: Instant,
    ) -> Option<Option<Typed>> {
        let counted = self.followers.get(&id).and_then(|follower| follower.counted.clone());
        let Some(Counted::Person(user)) = counted else { return None };
        if !active {
            return Some(self.typing.stop(user.id).map(Typed::stopped));
        }
        let is_news = self.typing.start(&user, id, now);
        Some(is_news.then_some(Typed { user, connection: id, active }))
    }

    /// The person sent a message.
    pub(super) fn stop_typing(&mut self, user_id: UserId) -> Option<Typist> {
        self.typing.stop(user_id)
    }

    /// Ends the typing of those who have been silent.
    pub(super) fn stop_silent_typing(&mut self, now: Instant) -> Vec<Typist> {
        self.typing.stop_silent(now)
    }

    /// Tells everybody in the room but the connection itself.
    pub(super) fn tell_typing(&self, room_id: RoomId, typed: &Typed, budget: &Arc<Budget>) {
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

/// A change with the event that tells of it, encoded.
pub(super) struct Change {
    pub(super) rev: Rev,
    pub(super) event: ServerEvent,
    pub(super) frame: Frame,
}

/// That a person began or stopped typing on a connection.
pub(super) struct Typed {
    user: Arc<shared::users::User>,
    connection: ConnectionId,
    active: bool,
}

impl Typed {
    pub(super) fn stopped(typist: Typist) -> Self {
        Self { user: typist.user, connection: typist.connection, active: false }
    }
}

impl Follower {
    /// Whether it is in the room, and so hears of people.
    fn is_present(&self) -> bool {
        matches!(self.counted, Some(Counted::Person(_) | Counted::Visitor))
    }

    /// Delivers changes in the order of `rev`, or holds them. What the follower has already is left out.
    fn deliver<'frame>(&mut self, changes: impl IntoIterator<Item = (Rev, &'frame Frame)>) {
        match &mut self.stage {
            Stage::Joining(held) => {
                for (rev, frame) in changes {
                    if !self.connection.outbox.is_closing() {
                        held.bytes += frame.len();
                        held.events.push((rev, frame.clone()));
                        self.connection.outbox.reserve(frame.len());
                    }
                }
            }
            Stage::Live(has) => {
                let news = changes.into_iter().filter(|(rev, _)| {
                    let is_news = rev > has;
                    *has = (*has).max(*rev);
                    is_news
                });
                self.connection.outbox.push_all(news.map(|(_, frame)| frame.clone()));
            }
        }
    }

    /// Takes what is held.
    fn let_go(&mut self) -> Vec<(Rev, Frame)> {
        match &mut self.stage {
            Stage::Joining(held) => {
                self.connection.outbox.release(std::mem::take(&mut held.bytes));
                std::mem::take(&mut held.events)
            }
            Stage::Live(_) => Vec::new(),
        }
    }
}
