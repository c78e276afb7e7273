//! Which rooms are to be subscribed, and when. A refused subscription is repeated later, or given up for this
//! connection.
//!
//! Pure. A room that is given up is still listed; its unread count is as old as the list.

use std::collections::{HashMap, HashSet, VecDeque};

use shared::errors::ErrorCode;
use shared::events::MAX_SUBSCRIPTIONS;
use shared::ids::RoomId;

use crate::state::backoff;

/// So many frames go out at once.
const BURST: u32 = 60;
/// The others follow at this interval, to stay below the server's limit of frames.
const PAUSE_MILLIS: i64 = 1_000;
/// A room that is not open is given up after this many refusals for want of room or rate.
const MAX_REFUSALS: u32 = 5;

/// The subscriptions of the present connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// To be sent, the most urgent first.
    waiting: VecDeque<RoomId>,
    /// Sent and not answered.
    asked: HashSet<RoomId>,
    /// Confirmed, the latest last.
    confirmed: Vec<RoomId>,
    refusals: HashMap<RoomId, Refusals>,
    given_up: HashSet<RoomId>,
    /// Whether the first room goes out alone, so that its answer waits for no other.
    is_first_alone: bool,
    /// How many more frames may go out now.
    credit: u32,
    credited_at: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Refusals {
    count: u32,
    not_before: i64,
}

/// What to do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it is repeated by itself, or given up.
    Wait,
    /// Unsubscribe this room, so that the open one has a place.
    MakeRoom(RoomId),
}

impl Subscriptions {
    /// A connection is open: the open room is to be subscribed, and then all others.
    pub fn restart(&mut self, open: Option<RoomId>, others: impl IntoIterator<Item = RoomId>, now: i64) {
        *self = Self {
            waiting: open.into_iter().chain(others).collect(),
            is_first_alone: open.is_some(),
            credit: BURST,
            credited_at: now,
            ..Self::default()
        };
    }

    /// A room is to be subscribed when it is its turn.
    pub fn add(&mut self, room_id: RoomId) {
        if !self.waiting.contains(&room_id) {
            self.waiting.push_back(room_id);
        }
    }

    /// A room is to be subscribed, again if it is already, and before all others.
    pub fn add_first(&mut self, room_id: RoomId) {
        self.waiting.retain(|waiting| *waiting != room_id);
        self.waiting.push_front(room_id);
        self.is_first_alone = true;
        self.refusals.remove(&room_id);
        self.given_up.remove(&room_id);
        // Opening a room must not wait for the rest of the list.
        self.credit = self.credit.max(1);
    }

    /// A room is not followed any more.
    pub fn remove(&mut self, room_id: RoomId) {
        self.waiting.retain(|waiting| *waiting != room_id);
        self.confirmed.retain(|confirmed| *confirmed != room_id);
        self.asked.remove(&room_id);
        self.refusals.remove(&room_id);
        self.given_up.remove(&room_id);
    }

    /// The rooms to subscribe with the next frame, none if there is nothing to do now.
    pub fn next(&mut self, now: i64) -> Vec<RoomId> {
        let earned = u32::try_from((now - self.credited_at) / PAUSE_MILLIS).unwrap_or(0);
        if earned > 0 {
            self.credit = self.credit.saturating_add(earned).min(BURST);
            self.credited_at = now;
        }
        let count = match (self.credit, std::mem::take(&mut self.is_first_alone)) {
            (0, _) => 0,
            (_, true) => 1,
            (_, false) => MAX_SUBSCRIPTIONS,
        };
        let mut batch = Vec::new();
        self.waiting.retain(|room_id| {
            let is_due = self.refusals.get(room_id).is_none_or(|it| it.not_before <= now);
            let stays = !is_due || batch.len() == count;
            if !stays {
                batch.push(*room_id);
            }
            stays
        });
        if !batch.is_empty() {
            self.credit -= 1;
            self.asked.extend(&batch);
        }
        batch
    }

    /// The server confirmed a subscription.
    pub fn confirmed(&mut self, room_id: RoomId) {
        self.asked.remove(&room_id);
        self.refusals.remove(&room_id);
        if !self.confirmed.contains(&room_id) {
            self.confirmed.push(room_id);
        }
    }

    /// The server refused a subscription. `random` lies in 0..1.
    pub fn refused(
        &mut self,
        room_id: RoomId,
        code: ErrorCode,
        open: Option<RoomId>,
        now: i64,
        random: f64,
    ) -> Verdict {
        // The refusal of another command, such as `typing`.
        if !self.asked.remove(&room_id) {
            return Verdict::Wait;
        }
        self.confirmed.retain(|confirmed| *confirmed != room_id);
        let is_open = open == Some(room_id);
        let refusals = self.refusals.entry(room_id).or_default();
        let is_hopeless = match code {
            ErrorCode::Unavailable
            | ErrorCode::Overloaded
            | ErrorCode::OutcomeUnknown
            | ErrorCode::Internal => false,
            ErrorCode::RateLimited => !is_open && refusals.count + 1 >= MAX_REFUSALS,
            _ => true,
        };
        if is_hopeless {
            self.refusals.remove(&room_id);
            self.given_up.insert(room_id);
            return Verdict::Wait;
        }
        refusals.not_before = now + backoff::wait_millis(refusals.count, random);
        refusals.count += 1;
        if is_open {
            self.waiting.push_front(room_id);
        } else {
            self.waiting.push_back(room_id);
        }
        // A connection may follow so many rooms only; the server's answer does not say whether that is the reason.
        let place = self.confirmed.iter().rposition(|confirmed| Some(*confirmed) != open);
        match place.filter(|_| is_open && code == ErrorCode::RateLimited) {
            Some(place) => {
                let dropped = self.confirmed.remove(place);
                self.given_up.insert(dropped);
                Verdict::MakeRoom(dropped)
            }
            None => Verdict::Wait,
        }
    }

    /// Whether some listed room is not followed live.
    pub fn has_given_up(&self) -> bool {
        !self.given_up.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples::{NOON, room_id};

    fn all(subscriptions: &mut Subscriptions, now: i64) -> Vec<RoomId> {
        frames(subscriptions, now).concat()
    }

    fn frames(subscriptions: &mut Subscriptions, now: i64) -> Vec<Vec<RoomId>> {
        std::iter::from_fn(|| Some(subscriptions.next(now)).filter(|batch| !batch.is_empty())).collect()
    }

    fn started(rooms: u8) -> Subscriptions {
        let mut subscriptions = Subscriptions::default();
        subscriptions.restart(None, (1..=rooms).map(room_id), NOON);
        subscriptions
    }

    #[test]
    fn the_open_room_goes_out_alone_and_the_others_in_batches() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.restart(Some(room_id(201)), (1..=200).map(room_id), NOON);
        let frames = frames(&mut subscriptions, NOON);
        assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), [1, 100, 100]);
        assert_eq!(frames[0], [room_id(201)]);
        assert_eq!(frames.concat().len(), 201);
        subscriptions.add(room_id(202));
        subscriptions.add_first(room_id(7));
        assert_eq!(subscriptions.next(NOON), [room_id(7)], "a room that is opened does not wait");
        assert_eq!(subscriptions.next(NOON), [room_id(202)]);
        assert_eq!(subscriptions.next(NOON), []);
    }

    #[test]
    fn a_burst_of_frames_goes_out_at_once_and_the_rest_one_by_one() {
        let mut subscriptions = started(1);
        let mut sent = 0;
        for number in 0..=62 {
            subscriptions.add(room_id(number));
            sent += frames(&mut subscriptions, NOON).len();
        }
        assert_eq!(sent, 60);
        assert_eq!(all(&mut subscriptions, NOON + 999), []);
        assert_eq!(frames(&mut subscriptions, NOON + 1_000).len(), 1, "all that wait go together");
        subscriptions.add_first(room_id(7));
        assert_eq!(all(&mut subscriptions, NOON + 1_001), [room_id(7)]);
        subscriptions.add(room_id(63));
        assert_eq!(all(&mut subscriptions, NOON + 1_999), []);
        assert_eq!(all(&mut subscriptions, NOON + 2_000), [room_id(63)]);
    }

    #[test]
    fn a_passing_refusal_is_repeated_later_and_later() {
        let mut subscriptions = started(1);
        let mut now = NOON;
        for wait in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            assert_eq!(all(&mut subscriptions, now), [room_id(1)]);
            let verdict = subscriptions.refused(room_id(1), ErrorCode::Unavailable, None, now, 1.0);
            assert_eq!(verdict, Verdict::Wait);
            assert_eq!(all(&mut subscriptions, now + wait - 1), []);
            now += wait;
        }
        all(&mut subscriptions, now);
        subscriptions.confirmed(room_id(1));
        assert!(!subscriptions.has_given_up());
    }

    #[test]
    fn the_open_room_takes_the_place_of_another_one() {
        let mut subscriptions = started(3);
        all(&mut subscriptions, NOON);
        subscriptions.confirmed(room_id(1));
        subscriptions.confirmed(room_id(2));
        let open = Some(room_id(3));
        let verdict = subscriptions.refused(room_id(3), ErrorCode::RateLimited, open, NOON, 0.0);
        assert_eq!(verdict, Verdict::MakeRoom(room_id(2)));
        assert_eq!(all(&mut subscriptions, NOON + 500), [room_id(3)]);
        assert!(subscriptions.has_given_up());
    }

    #[test]
    fn another_room_is_given_up_until_it_is_opened() {
        let mut subscriptions = started(1);
        for attempt in 1..=i64::from(MAX_REFUSALS) {
            let now = NOON + attempt * 60_000;
            assert_eq!(all(&mut subscriptions, now), [room_id(1)]);
            subscriptions.refused(room_id(1), ErrorCode::RateLimited, None, now, 0.0);
        }
        assert!(subscriptions.has_given_up());
        assert_eq!(all(&mut subscriptions, NOON + 3_600_000), []);
        subscriptions.add_first(room_id(1));
        assert_eq!(all(&mut subscriptions, NOON + 3_600_000), [room_id(1)]);
        assert!(!subscriptions.has_given_up());
    }

    #[test]
    fn the_refusal_of_another_command_changes_nothing() {
        let mut subscriptions = started(1);
        all(&mut subscriptions, NOON);
        subscriptions.confirmed(room_id(1));
        let before = subscriptions.clone();
        subscriptions.refused(room_id(1), ErrorCode::AuthenticationRequired, None, NOON, 0.0);
        assert_eq!(subscriptions, before);
    }
}
