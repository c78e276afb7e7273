//! Read marks that are to be stored. They are collected, so that the database sees few statements whatever the traffic.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::ids::{RoomId, Seq, UserId};
use shared::read_marks::ReadMark;
use tokio::sync::{Notify, oneshot};

use crate::formatting::mentions::EVERYONE;

/// Read marks that wait to be stored.
#[derive(Default)]
pub struct PendingMarks {
    state: Mutex<State>,
    added: Notify,
}

#[derive(Default)]
struct State {
    pending: HashMap<(UserId, RoomId), PendingMark>,
    /// What was taken last: it is being stored, or was. A reader may have read the database just before.
    taken: HashMap<(UserId, RoomId), Taken>,
}

/// A mark that was taken.
#[derive(Clone, Copy)]
struct Taken {
    seq: Seq,
    is_news: bool,
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
    /// Whether the connections of the user are told. They know of a message that the user sent. But if they are told of an
    /// earlier mark after that message, they need the later one, too.
    pub is_news: bool,
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
        mark.is_news = true;
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
            let mark = state.pending.entry((user, room_id)).or_default();
            (mark.is_touch, mark.is_news) = (true, true);
        }
        drop(state);
        self.added.notify_one();
    }

    /// The message that a mark is about to move to.
    pub(super) fn ahead(&self, user: UserId, room_id: RoomId) -> Option<Seq> {
        let state = self.lock();
        let pending = state.pending.get(&(user, room_id)).map(|mark| mark.seq);
        pending.max(state.taken.get(&(user, room_id)).map(|taken| taken.seq))
    }

    /// Waits until there are marks to store.
    pub async fn added(&self) {
        self.added.notified().await;
    }

    /// Takes the marks that wait, to store them.
    pub fn take(&self) -> Vec<((UserId, RoomId), PendingMark)> {
        let mut state = self.lock();
        let mut taken: Vec<_> = std::mem::take(&mut state.pending).into_iter().collect();
        let before = std::mem::take(&mut state.taken);
        for (key, mark) in &mut taken {
            state.taken.insert(*key, Taken { seq: mark.seq, is_news: mark.is_news });
            mark.is_news |= before.get(key).is_some_and(|before| before.is_news);
        }
        taken
    }

    /// Remembers where a mark that was taken is now; `None` if the user is no member.
    pub fn stored(&self, key: (UserId, RoomId), seq: Option<Seq>) {
        let mut state = self.lock();
        match (state.taken.get_mut(&key), seq) {
            (Some(taken), Some(seq)) => taken.seq = seq,
            (_, None) => drop(state.taken.remove(&key)),
            (None, Some(_)) => {}
        }
    }

    /// Takes back what could not be stored. Nobody waits for it any more.
    pub fn put_back(&self, marks: Vec<((UserId, RoomId), PendingMark)>) {
        let mut state = self.lock();
        for (key, failed) in marks {
            let mark = state.pending.entry(key).or_default();
            if !mark.is_exact {
                mark.seq = mark.seq.max(failed.seq);
                mark.is_exact = failed.is_exact;
            }
            mark.is_touch |= failed.is_touch;
            mark.is_news |= failed.is_news;
        }
        drop(state);
        self.added.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The users whose unread mentions changed, of those who have a connection. [`EVERYONE`] stands for all.
pub(super) fn touched(mentioned: &[UserId], connected: Vec<UserId>) -> Vec<UserId> {
    let mentioned: HashSet<UserId> = mentioned.iter().copied().collect();
    let is_everyone = mentioned.contains(&EVERYONE);
    connected.into_iter().filter(|user| is_everyone || mentioned.contains(user)).collect()
}
