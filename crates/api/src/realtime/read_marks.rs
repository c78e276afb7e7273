//! Read marks that are to be stored. They are collected, so that the database sees few statements whatever the traffic.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::ids::{RoomId, Seq, UserId};
use shared::read_marks::ReadMark;
use tokio::sync::{Notify, oneshot};

/// Read marks that wait to be stored.
#[derive(Default)]
pub struct PendingMarks {
    state: Mutex<State>,
    added: Notify,
}

#[derive(Default)]
struct State {
    pending: HashMap<(UserId, RoomId), PendingMark>,
    /// What is being stored.
    in_flight: HashMap<(UserId, RoomId), Seq>,
}

/// Receives the mark once it is stored; `None` if the user is no member.
pub type MarkReceiver = oneshot::Receiver<Option<ReadMark>>;

/// How a read mark is to move.
#[derive(Debug, Default)]
pub struct PendingMark {
    /// The last message that was read.
    pub seq: Seq,
    /// Whether the mark may move back.
    pub is_exact: bool,
    /// Whether the unread mentions changed.
    pub is_touch: bool,
    /// Those who wait for it.
    pub waiting: Vec<oneshot::Sender<Option<ReadMark>>>,
}

impl PendingMarks {
    /// Moves a mark as a user asked for.
    pub fn put(&self, user: UserId, room_id: RoomId, seq: Seq, is_exact: bool) -> MarkReceiver {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        let mark = state.pending.entry((user, room_id)).or_default();
        if is_exact {
            (mark.seq, mark.is_exact) = (seq, true);
        } else {
            mark.seq = mark.seq.max(seq);
        }
        mark.waiting.push(sender);
        drop(state);
        self.added.notify_one();
        receiver
    }

    /// Moves the mark of an author to their own message.
    pub(super) fn sent(&self, user: UserId, room_id: RoomId, seq: Seq) {
        let mut state = self.lock();
        let mark = state.pending.entry((user, room_id)).or_default();
        mark.seq = mark.seq.max(seq);
        drop(state);
        self.added.notify_one();
    }

    /// Has the unread mentions of users counted anew.
    pub(super) fn touch(&self, room_id: RoomId, users: impl IntoIterator<Item = UserId>) {
        let mut state = self.lock();
        for user in users {
            state.pending.entry((user, room_id)).or_default().is_touch = true;
        }
        drop(state);
        self.added.notify_one();
    }

    /// The message that a mark is about to move to.
    pub(super) fn ahead(&self, user: UserId, room_id: RoomId) -> Option<Seq> {
        let state = self.lock();
        let pending = state.pending.get(&(user, room_id)).map(|mark| mark.seq);
        pending.max(state.in_flight.get(&(user, room_id)).copied())
    }

    /// Waits until there are marks to store.
    pub async fn added(&self) {
        self.added.notified().await;
    }

    /// Takes the marks that wait. The caller calls [`Self::stored`] when they are stored.
    pub fn take(&self) -> Vec<((UserId, RoomId), PendingMark)> {
        let mut state = self.lock();
        let taken: Vec<_> = std::mem::take(&mut state.pending).into_iter().collect();
        state.in_flight = taken.iter().map(|(key, mark)| (*key, mark.seq)).collect();
        taken
    }

    /// Forgets what was taken: it is stored.
    pub fn stored(&self) {
        self.lock().in_flight = HashMap::new();
    }

    /// Takes back what could not be stored. Nobody waits for it any more.
    pub fn put_back(&self, marks: Vec<((UserId, RoomId), PendingMark)>) {
        let mut state = self.lock();
        state.in_flight = HashMap::new();
        for (key, failed) in marks {
            let mark = state.pending.entry(key).or_default();
            if !mark.is_exact {
                mark.seq = mark.seq.max(failed.seq);
                mark.is_exact = failed.is_exact;
            }
            mark.is_touch |= failed.is_touch;
        }
        drop(state);
        self.added.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The users whose unread mentions changed, of those who have a connection. The nil id stands for all.
pub(super) fn touched(mentioned: &[UserId], connected: Vec<UserId>) -> Vec<UserId> {
    let mentioned: HashSet<UserId> = mentioned.iter().copied().collect();
    let is_everyone = mentioned.contains(&UserId(uuid::Uuid::nil()));
    connected.into_iter().filter(|user| is_everyone || mentioned.contains(user)).collect()
}
