//! What is known about sessions and API tokens without a query.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use quick_cache::sync::Cache;
use shared::ids::UserId;

use crate::db::token_hash::TokenHash;
use crate::realtime::connection::Identity;

/// How long a cached session is valid without another query.
const CACHE_TIME: Duration = Duration::from_secs(60);
/// The number of cached sessions.
const CACHE_SIZE: usize = 20_000;
/// How long a deleted session is rejected without a query: longer than any read that began before the deletion.
const REJECT_TIME: Duration = Duration::from_secs(60);

/// What is known about sessions without a query.
pub(super) struct Memory {
    /// Cached sessions and the time of their query.
    pub(super) known: Cache<TokenHash, (Identity, Instant)>,
    /// Rejected sessions and the time of their deletion; `None` if the deletion is not confirmed. A read that began
    /// before the deletion must not restore the session.
    ended: Mutex<HashMap<TokenHash, Option<Instant>>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { known: Cache::new(CACHE_SIZE), ended: Mutex::default() }
    }
}

impl Memory {
    /// A session that was read a short time ago.
    pub(super) fn recall(&self, session: &TokenHash) -> Option<Identity> {
        let (identity, read_at) = self.known.get(session)?;
        let is_live = identity.expires_at.is_none_or(|at| at > Utc::now());
        (is_live && read_at.elapsed() < CACHE_TIME).then_some(identity)
    }

    /// Caches a session that was read. Returns false if it has ended since.
    pub(super) fn remember(&self, identity: &Identity) -> bool {
        // The lock is held during both steps, so that `end` cannot come between them.
        let ended = self.ended();
        if ended.contains_key(&identity.session) {
            return false;
        }
        self.known.insert(identity.session, (identity.clone(), Instant::now()));
        true
    }

    /// Rejects a session from now on.
    pub(super) fn end(&self, session: TokenHash, deleted_at: Option<Instant>) {
        let mut ended = self.ended();
        ended.insert(session, deleted_at);
        self.known.remove(&session);
    }

    /// Drops what is cached of a user.
    pub(super) fn forget_user(&self, id: UserId) {
        self.known.retain(|_, (identity, _)| identity.user.id != id);
    }

    /// The ended sessions whose deletion is not confirmed.
    pub(super) fn not_deleted(&self) -> Vec<TokenHash> {
        let ended = self.ended();
        ended.iter().filter(|(_, deleted_at)| deleted_at.is_none()).map(|(session, _)| *session).collect()
    }

    /// Drops the ended sessions that were deleted longer than [`REJECT_TIME`] ago.
    pub(super) fn forget_ended(&self, now: Instant) {
        let is_recent = |deleted_at: Instant| now.saturating_duration_since(deleted_at) < REJECT_TIME;
        self.ended().retain(|_, deleted_at| deleted_at.is_none_or(is_recent));
    }

    /// Whether a session has ended recently.
    pub(super) fn has_ended(&self, session: &TokenHash) -> bool {
        self.ended().contains_key(session)
    }

    /// No code panics while it holds this lock, so a poisoned state is consistent.
    fn ended(&self) -> MutexGuard<'_, HashMap<TokenHash, Option<Instant>>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use shared::timestamp::Timestamp;
    use shared::users::{Me, User, UserKind, Username};
    use uuid::Uuid;

    use super::*;
    use crate::clock;

    fn identity(session: TokenHash) -> Identity {
        let user = User {
            id: UserId(Uuid::now_v7()),
            username: Username::from_stored("Grace".to_owned()),
            kind: UserKind::Guest,
            avatar_url: None,
            created_at: Timestamp::from(clock::now()),
            deleted_at: None,
        };
        Identity::new(Me { user, is_admin: false, has_password: false }, session)
    }

    #[test]
    fn a_session_that_ends_during_a_read_is_not_restored() {
        let (memory, grace, ada) = (Memory::default(), identity([1; 32]), identity([2; 32]));
        assert!(memory.remember(&grace) && memory.remember(&ada));
        memory.end(grace.session, None);
        // A read before the deletion, and one after it.
        assert!(!memory.remember(&grace));
        memory.end(grace.session, Some(Instant::now()));
        assert!(!memory.remember(&grace));
        assert!(memory.recall(&grace.session).is_none());
        assert!(memory.recall(&ada.session).is_some());
    }

    #[test]
    fn an_ended_session_is_rejected_until_long_after_its_deletion() {
        let (memory, session) = (Memory::default(), [1; 32]);
        let now = Instant::now();
        memory.end(session, None);
        memory.forget_ended(now + REJECT_TIME * 100);
        assert_eq!(memory.not_deleted(), [session]);
        memory.end(session, Some(now));
        assert!(memory.not_deleted().is_empty());
        memory.forget_ended(now + REJECT_TIME / 2);
        assert!(memory.ended().contains_key(&session));
        memory.forget_ended(now + REJECT_TIME);
        assert!(memory.ended().is_empty());
    }
}
