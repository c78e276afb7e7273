//! How far each room has been followed: the revs that make resuming without gap or repeat possible.
//!
//! Pure. A rev counts as reached only when everything up to it was applied, so that whatever breaks in between,
//! the next `since` is never too high. Applying something twice is harmless; missing it is not.

use std::collections::HashMap;

use shared::ids::{Rev, RoomId};

use crate::state::backoff;

/// How far one room has been followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Everything up to here has been applied.
    rev: Rev,
    /// What lies up to here comes as a replay, in which revs may jump.
    replay_until: Rev,
    /// The latest run of live revs without a hole, both ends included.
    live: Option<(Rev, Rev)>,
    /// Whether `changes?since` is being asked, or will be asked again.
    catching_up: bool,
    /// When to ask again after a failure.
    retry_at: Option<i64>,
    /// How often in a row it failed.
    failures: u32,
}

impl Follow {
    fn new(rev: Rev) -> Self {
        Self { rev, replay_until: rev, live: None, catching_up: false, retry_at: None, failures: 0 }
    }

    fn extend_live(&mut self, rev: Rev) {
        self.live = match self.live {
            Some((start, end)) if rev <= end.next() => Some((start, end.max(rev))),
            _ => Some((rev, rev)),
        };
    }
}

/// How far all rooms have been followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Follows {
    rooms: HashMap<RoomId, Follow>,
}

impl Follows {
    /// Begins to follow a room that was loaded at `rev`, unless it is followed already.
    pub fn start(&mut self, room_id: RoomId, rev: Rev) {
        self.rooms.entry(room_id).or_insert_with(|| Follow::new(rev));
    }

    /// A page that reflects the room at `rev` or later was loaded without knowing what had come before it. Returns
    /// whether the room must be subscribed again, from further back.
    pub fn rewind(&mut self, room_id: RoomId, rev: Rev) -> bool {
        match self.rooms.get_mut(&room_id) {
            Some(follow) if follow.rev > rev => {
                follow.rev = rev;
                true
            }
            Some(_) => false,
            None => {
                self.start(room_id, rev);
                true
            }
        }
    }

    /// Stops following a room.
    pub fn stop(&mut self, room_id: RoomId) {
        self.rooms.remove(&room_id);
    }

    /// Forgets everything: the server does not know these revs.
    pub fn clear(&mut self) {
        self.rooms.clear();
    }

    /// The `since` with which to resume a room.
    pub fn since(&self, room_id: RoomId) -> Option<Rev> {
        self.rooms.get(&room_id).map(|follow| follow.rev)
    }

    /// Whether the server has confirmed the subscription on the present connection.
    pub fn is_live(&self, room_id: RoomId) -> bool {
        self.rooms.get(&room_id).is_some_and(|follow| follow.live.is_some())
    }

    /// How many rooms are followed.
    pub fn count(&self) -> usize {
        self.rooms.len()
    }

    /// The rooms that are followed.
    pub fn room_ids(&self) -> impl Iterator<Item = RoomId> + '_ {
        self.rooms.keys().copied()
    }

    /// The socket is gone: what was being caught up is asked for again when it is back.
    pub fn disconnected(&mut self) {
        for follow in self.rooms.values_mut() {
            follow.live = None;
            follow.catching_up = false;
            follow.retry_at = None;
            follow.failures = 0;
        }
    }

    /// The server will replay up to `rev` and then go on live.
    pub fn subscribed(&mut self, room_id: RoomId, rev: Rev) {
        let follow = self.rooms.entry(room_id).or_insert_with(|| Follow::new(rev));
        follow.replay_until = follow.replay_until.max(rev);
        follow.live = Some((rev, rev));
    }

    /// The server will not replay. Returns the `since` to ask for changes with, unless they are being asked for.
    pub fn resync(&mut self, room_id: RoomId) -> Option<Rev> {
        let follow = self.rooms.get_mut(&room_id)?;
        (!std::mem::replace(&mut follow.catching_up, true)).then_some(follow.rev)
    }

    /// A change of this number was applied. Returns the `since` to ask for changes with when some were missed.
    ///
    /// `of_message` tells a message's change from the room's own: in a replay only the former come by rev.
    pub fn applied(&mut self, room_id: RoomId, rev: Rev, of_message: bool) -> Option<Rev> {
        let follow = self.rooms.get_mut(&room_id)?;
        if rev <= follow.replay_until {
            if of_message && !follow.catching_up {
                follow.rev = follow.rev.max(rev);
            }
            return None;
        }
        follow.extend_live(rev);
        if follow.catching_up {
            return None;
        }
        // The replay always comes before the first live event, so it is complete now.
        let complete = follow.rev.max(follow.replay_until);
        if rev <= complete.next() {
            follow.rev = complete.max(rev);
            return None;
        }
        follow.rev = complete;
        follow.catching_up = true;
        Some(follow.rev)
    }

    /// A page of changes up to `rev` was applied. Returns the next `since` when there is more to ask for.
    pub fn caught_up(&mut self, room_id: RoomId, rev: Rev, has_more: bool) -> Option<Rev> {
        let follow = self.rooms.get_mut(&room_id)?;
        follow.rev = follow.rev.max(rev);
        if has_more {
            return Some(follow.rev);
        }
        match follow.live {
            Some((start, _)) if start > follow.rev.next() => Some(follow.rev),
            live => {
                follow.rev = follow.rev.max(live.map_or(rev, |(_, end)| end));
                follow.replay_until = follow.replay_until.min(follow.rev);
                follow.catching_up = false;
                follow.failures = 0;
                None
            }
        }
    }

    /// Asking for changes failed. They are asked for again after a while. `random` lies in 0..1.
    pub fn catching_up_failed(&mut self, room_id: RoomId, now: i64, random: f64) {
        if let Some(follow) = self.rooms.get_mut(&room_id).filter(|follow| follow.catching_up) {
            follow.retry_at = Some(now + backoff::wait_millis(follow.failures, random));
            follow.failures += 1;
        }
    }

    /// A room whose changes are to be asked for again now, and since which rev.
    pub fn next_retry(&mut self, now: i64) -> Option<(RoomId, Rev)> {
        let is_due = |follow: &Follow| follow.retry_at.is_some_and(|at| at <= now);
        let (room_id, follow) = self.rooms.iter_mut().find(|(_, follow)| is_due(follow))?;
        follow.retry_at = None;
        Some((*room_id, follow.rev))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples::{NOON, room_id};

    fn follows(rev: i64) -> Follows {
        let mut follows = Follows::default();
        follows.start(room_id(1), Rev(rev));
        follows.subscribed(room_id(1), Rev(rev));
        follows
    }

    #[test]
    fn live_changes_advance_the_rev_one_by_one() {
        let mut follows = follows(3);
        assert_eq!(follows.applied(room_id(1), Rev(4), true), None);
        assert_eq!(follows.applied(room_id(1), Rev(5), false), None);
        assert_eq!(follows.since(room_id(1)), Some(Rev(5)));
        assert_eq!(follows.applied(room_id(1), Rev(4), true), None);
        assert_eq!(follows.since(room_id(1)), Some(Rev(5)));
    }

    #[test]
    fn a_larger_step_asks_for_what_lies_between() {
        let mut follows = follows(3);
        assert_eq!(follows.applied(room_id(1), Rev(6), true), Some(Rev(3)));
        assert_eq!(follows.applied(room_id(1), Rev(7), true), None, "it is being asked for");
        assert_eq!(follows.since(room_id(1)), Some(Rev(3)), "until then nothing counts as reached");
        assert_eq!(follows.caught_up(room_id(1), Rev(5), true), Some(Rev(5)));
        assert_eq!(follows.caught_up(room_id(1), Rev(6), false), None);
        assert_eq!(follows.since(room_id(1)), Some(Rev(7)));
    }

    #[test]
    fn a_second_hole_while_catching_up_is_asked_for_too() {
        let mut follows = follows(3);
        assert_eq!(follows.applied(room_id(1), Rev(6), true), Some(Rev(3)));
        assert_eq!(follows.applied(room_id(1), Rev(9), true), None);
        assert_eq!(follows.caught_up(room_id(1), Rev(6), false), Some(Rev(6)));
        assert_eq!(follows.caught_up(room_id(1), Rev(9), false), None);
        assert_eq!(follows.since(room_id(1)), Some(Rev(9)));
    }

    #[test]
    fn revs_may_jump_in_a_replay_and_a_break_in_it_loses_nothing() {
        let mut follows = follows(3);
        assert!(follows.is_live(room_id(1)));
        follows.disconnected();
        assert!(!follows.is_live(room_id(1)));
        follows.subscribed(room_id(1), Rev(20));
        assert_eq!(follows.applied(room_id(1), Rev(20), false), None, "the rename may come first");
        assert_eq!(follows.applied(room_id(1), Rev(9), true), None);
        assert_eq!(follows.since(room_id(1)), Some(Rev(9)));
        assert_eq!(follows.applied(room_id(1), Rev(15), true), None);
        assert_eq!(follows.applied(room_id(1), Rev(21), true), None);
        assert_eq!(follows.since(room_id(1)), Some(Rev(21)));
    }

    #[test]
    fn a_page_that_may_be_older_than_the_rev_takes_the_rev_back() {
        let mut follows = follows(7);
        assert!(follows.rewind(room_id(1), Rev(5)));
        assert_eq!(follows.since(room_id(1)), Some(Rev(5)));
        assert!(!follows.rewind(room_id(1), Rev(6)));
        assert!(follows.rewind(room_id(2), Rev(0)), "a room that was not followed");
    }

    #[test]
    fn a_resync_is_asked_for_once_and_keeps_what_came_live_meanwhile() {
        let mut follows = follows(3);
        follows.disconnected();
        follows.subscribed(room_id(1), Rev(5_000));
        assert_eq!(follows.resync(room_id(1)), Some(Rev(3)));
        assert_eq!(follows.resync(room_id(1)), None);
        assert_eq!(follows.applied(room_id(1), Rev(5_001), true), None);
        assert_eq!(follows.since(room_id(1)), Some(Rev(3)));
        assert_eq!(follows.caught_up(room_id(1), Rev(5_000), false), None);
        assert_eq!(follows.since(room_id(1)), Some(Rev(5_001)));
    }

    #[test]
    fn a_failed_catch_up_is_repeated_later_and_loses_nothing() {
        let mut follows = follows(3);
        assert_eq!(follows.applied(room_id(1), Rev(6), true), Some(Rev(3)));
        follows.catching_up_failed(room_id(1), NOON, 1.0);
        assert_eq!(
            follows.applied(room_id(1), Rev(7), true),
            None,
            "the next event does not repeat it at once"
        );
        assert_eq!(follows.next_retry(NOON + 999), None);
        assert_eq!(follows.next_retry(NOON + 1_000), Some((room_id(1), Rev(3))));
        assert_eq!(follows.next_retry(NOON + 60_000), None, "it is being asked for");
        follows.catching_up_failed(room_id(1), NOON, 1.0);
        assert_eq!(follows.next_retry(NOON + 1_999), None);
        assert_eq!(follows.next_retry(NOON + 2_000), Some((room_id(1), Rev(3))));
        assert_eq!(follows.caught_up(room_id(1), Rev(7), false), None);
        assert_eq!(follows.since(room_id(1)), Some(Rev(7)));
    }
}
