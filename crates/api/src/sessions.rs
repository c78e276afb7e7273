//! Sessions: opaque tokens of 256 bits, stored as their SHA-256, and looked up in memory first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{TimeDelta, Utc};
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use shared::ids::UserId;
use shared::timestamp::Timestamp;
use shared::users::{User, UserKind, Username};
use uuid::Uuid;

use crate::clock;
use crate::db::sessions::TokenHash;
use crate::db::{self, Db, DbError, DbResult};
use crate::realtime::connection::Identity;
use crate::realtime::hub::Hub;

/// A session that nobody used for this long is over.
const IDLE: TimeDelta = TimeDelta::days(14);
/// A session is over after this long, however much it was used.
pub const LIFETIME: TimeDelta = TimeDelta::days(90);
/// How long an answer of the database is trusted.
const TRUSTED_FOR: Duration = Duration::from_secs(60);
/// How many sessions are kept in memory.
const REMEMBERED: usize = 20_000;
/// How long a deleted session is still refused without asking the database: longer than any read of it can take.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// How many expired sessions are deleted at once: few enough for one statement's time.
const EXPIRED_AT_ONCE: i64 = 1_000;
/// Begins every token, so that scanners for leaked secrets recognise it.
const TOKEN_PREFIX: &str = "parlance_";

/// The sessions.
pub struct Sessions {
    db: Db,
    hub: Arc<Hub>,
    memory: Arc<Memory>,
}

impl Sessions {
    /// Sessions stored in `db`. Signing out closes the sockets in `hub`.
    pub fn new(db: Db, hub: Arc<Hub>) -> Self {
        Self { db, hub, memory: Arc::default() }
    }

    /// Creates a guest with a session. Returns the token, which is not stored.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when an account has the name.
    pub async fn create_guest(&self, username: Username) -> DbResult<(User, String)> {
        let now = clock::now();
        let user = User {
            id: UserId(Uuid::now_v7()),
            username,
            kind: UserKind::Guest,
            created_at: Timestamp::from(now),
        };
        let token = new_token()?;
        let session = hash(&token);
        let guest = user.clone();
        self.db
            .write(move |conn| {
                db::transaction(conn, |conn| {
                    db::users::create_guest(conn, &guest)?;
                    db::sessions::create(conn, &session, guest.id, now)
                })
            })
            .await?;
        self.memory.remember(&Identity { user: Arc::new(user.clone()), session });
        Ok((user, token))
    }

    /// Who a token belongs to, by its [`hash`]. `None` when it is unknown, expired or signed out.
    ///
    /// # Errors
    /// When the database cannot tell.
    pub async fn get(&self, session: TokenHash) -> DbResult<Option<Identity>> {
        if let Some(identity) = self.memory.recall(&session) {
            return Ok(Some(identity));
        }
        if self.has_ended(&session) {
            return Ok(None);
        }
        let now = Utc::now();
        let found =
            self.db.run(move |conn| db::sessions::get(conn, &session, now - LIFETIME, now - IDLE, now)).await;
        match found {
            Ok(user) => {
                let identity = Identity { user: Arc::new(user), session };
                Ok(self.memory.remember(&identity).then_some(identity))
            }
            Err(DbError::NotFound) => {
                self.memory.known.remove(&session);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the session was read before, or has just ended. Looking up any other is a guess at worst.
    pub fn is_known(&self, session: &TokenHash) -> bool {
        self.memory.known.contains_key(session) || self.has_ended(session)
    }

    /// Whether the session was signed out or deleted a moment ago.
    ///
    /// A socket that is opened meanwhile may miss the end of its session: check this after it was registered.
    pub fn has_ended(&self, session: &TokenHash) -> bool {
        self.memory.ended().contains_key(session)
    }

    /// Signs out: from now on this server refuses the token, and its sockets are closed.
    ///
    /// # Errors
    /// When the database did not confirm the deletion. [`Sessions::retry_deletions`] repeats it.
    pub async fn delete(&self, identity: &Identity) -> DbResult<()> {
        let session = identity.session;
        self.memory.end(session, None);
        self.hub.end_session(&session);
        // In a task of its own, so that it also finishes when the client resets the connection.
        let (db, memory) = (self.db.clone(), self.memory.clone());
        let deletion = tokio::spawn(async move { delete_rows(&db, &memory, vec![session]).await });
        deletion.await.unwrap_or_else(|error| {
            Err(DbError::Unavailable(format!("the deletion of a session failed: {error}")))
        })
    }

    /// Deletes the signed-out sessions that the database has not deleted yet.
    ///
    /// # Errors
    /// When it still cannot.
    pub async fn retry_deletions(&self) -> DbResult<()> {
        self.memory.forget_ended(Instant::now());
        let waiting = self.memory.not_deleted();
        if waiting.is_empty() { Ok(()) } else { delete_rows(&self.db, &self.memory, waiting).await }
    }

    /// Deletes the sessions that are over.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn delete_expired(&self) -> DbResult<()> {
        let now = Utc::now();
        let (oldest, idle_since) = (now - LIFETIME, now - IDLE);
        let delete = move |conn: &mut db::Conn| {
            db::sessions::delete_expired(conn, oldest, idle_since, EXPIRED_AT_ONCE)
        };
        while self.db.write(delete).await? > 0 {}
        Ok(())
    }
}

async fn delete_rows(db: &Db, memory: &Memory, sessions: Vec<TokenHash>) -> DbResult<()> {
    let hashes = sessions.clone();
    db.write(move |conn| db::sessions::delete(conn, &hashes)).await?;
    for session in sessions {
        memory.end(session, Some(Instant::now()));
    }
    Ok(())
}

/// What is known of sessions without asking the database.
struct Memory {
    /// Sessions, and when the database was asked about them.
    known: Cache<TokenHash, (Identity, Instant)>,
    /// Sessions that are refused, and when the database deleted them; `None` while it has not. A read that began
    /// before the deletion must not bring its session back.
    ended: Mutex<HashMap<TokenHash, Option<Instant>>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { known: Cache::new(REMEMBERED), ended: Mutex::default() }
    }
}

impl Memory {
    fn recall(&self, session: &TokenHash) -> Option<Identity> {
        let (identity, read_at) = self.known.get(session)?;
        (read_at.elapsed() < TRUSTED_FOR).then_some(identity)
    }

    /// Keeps what the database said. False when the session has ended since.
    fn remember(&self, identity: &Identity) -> bool {
        // Held until it is kept: `end` comes before or after both steps.
        let ended = self.ended();
        if ended.contains_key(&identity.session) {
            return false;
        }
        self.known.insert(identity.session, (identity.clone(), Instant::now()));
        true
    }

    fn end(&self, session: TokenHash, deleted_at: Option<Instant>) {
        let mut ended = self.ended();
        ended.insert(session, deleted_at);
        self.known.remove(&session);
    }

    fn not_deleted(&self) -> Vec<TokenHash> {
        let ended = self.ended();
        ended.iter().filter(|(_, deleted_at)| deleted_at.is_none()).map(|(session, _)| *session).collect()
    }

    /// Forgets the ended sessions that the database deleted long enough ago.
    fn forget_ended(&self, now: Instant) {
        let is_recent = |deleted_at: Instant| now.saturating_duration_since(deleted_at) < REFUSED_FOR;
        self.ended().retain(|_, deleted_at| deleted_at.is_none_or(is_recent));
    }

    /// Nothing panics under this lock, so a poisoned one can be used.
    fn ended(&self) -> MutexGuard<'_, HashMap<TokenHash, Option<Instant>>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_token() -> DbResult<String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)
        .map_err(|error| DbError::Unavailable(format!("the system has no randomness: {error}")))?;
    Ok(format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret)))
}

/// Names a token's session without being the token.
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(token: &str) -> Identity {
        let user = User {
            id: UserId(Uuid::now_v7()),
            username: Username::from_stored("Grace".to_owned()),
            kind: UserKind::Guest,
            created_at: Timestamp::from(clock::now()),
        };
        Identity { user: Arc::new(user), session: hash(token) }
    }

    #[test]
    fn a_token_has_256_bits_and_a_prefix_that_scanners_know() {
        let token = new_token().unwrap();
        let secret = token.strip_prefix(TOKEN_PREFIX).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32);
        assert_ne!(new_token().unwrap(), token);
    }

    #[test]
    fn a_session_that_ended_while_it_was_read_does_not_come_back() {
        let (memory, grace, ada) = (Memory::default(), identity("grace"), identity("ada"));
        assert!(memory.remember(&grace) && memory.remember(&ada));
        memory.end(grace.session, None);
        // Both a read that finds the row and one that comes after the deletion.
        assert!(!memory.remember(&grace));
        memory.end(grace.session, Some(Instant::now()));
        assert!(!memory.remember(&grace));
        assert!(memory.recall(&grace.session).is_none());
        assert!(memory.recall(&ada.session).is_some());
    }

    #[test]
    fn an_ended_session_is_refused_until_long_after_its_deletion() {
        let (memory, session) = (Memory::default(), hash("grace"));
        let now = Instant::now();
        memory.end(session, None);
        memory.forget_ended(now + REFUSED_FOR * 100);
        assert_eq!(memory.not_deleted(), [session]);
        memory.end(session, Some(now));
        assert!(memory.not_deleted().is_empty());
        memory.forget_ended(now + REFUSED_FOR / 2);
        assert!(memory.ended().contains_key(&session));
        memory.forget_ended(now + REFUSED_FOR);
        assert!(memory.ended().is_empty());
    }
}
