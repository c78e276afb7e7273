//! Sessions: opaque tokens of 256 bits, stored as their SHA-256, looked up in memory first.

use std::sync::Arc;
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
use crate::realtime::hub::{Hub, Identity};

/// A session that nobody used for this long is over.
const IDLE: TimeDelta = TimeDelta::days(14);
/// A session is over after this long, however it was used.
pub const LIFETIME: TimeDelta = TimeDelta::days(90);
/// How long an answer of the database is believed.
const REMEMBER: Duration = Duration::from_secs(60);
/// How many sessions are kept in memory.
const REMEMBERED: usize = 20_000;
/// Begins every token, so that scanners for leaked secrets can tell one.
const TOKEN_PREFIX: &str = "parlance_";

/// The sessions.
pub struct Sessions {
    db: Db,
    hub: Arc<Hub>,
    known: Cache<TokenHash, (Identity, Instant)>,
}

impl Sessions {
    /// Sessions kept in `db`; signing out closes the sockets in `hub`.
    pub fn new(db: Db, hub: Arc<Hub>) -> Self {
        Self { db, hub, known: Cache::new(REMEMBERED) }
    }

    /// A new guest with a session; gives the token, which is not stored.
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
        let hash = hash(&token);
        let guest = user.clone();
        self.db
            .write(move |conn| {
                db::transaction(conn, |conn| {
                    db::users::create_guest(conn, &guest)?;
                    db::sessions::create(conn, &hash, guest.id, now)
                })
            })
            .await?;
        Ok((user, token))
    }

    /// Whose token it is; `None` when it is nobody's, ran out or was signed out.
    ///
    /// # Errors
    /// When the database cannot tell.
    pub async fn get(&self, token: &str) -> DbResult<Option<Identity>> {
        let hash = hash(token);
        if let Some((identity, seen_at)) = self.known.get(&hash)
            && seen_at.elapsed() < REMEMBER
        {
            return Ok(Some(identity));
        }
        let now = Utc::now();
        let found =
            self.db.run(move |conn| db::sessions::get(conn, &hash, now - LIFETIME, now - IDLE, now)).await;
        match found {
            Ok(user) => {
                let identity = Identity { user: Arc::new(user), session: hash };
                self.known.insert(hash, (identity.clone(), Instant::now()));
                Ok(Some(identity))
            }
            Err(DbError::NotFound) => {
                self.known.remove(&hash);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Signs out: the token is worth nothing from now on and its sockets are closed.
    ///
    /// # Errors
    /// When the database cannot forget it.
    pub async fn delete(&self, identity: &Identity) -> DbResult<()> {
        let hash = identity.session;
        self.db.write(move |conn| db::sessions::delete(conn, &hash)).await?;
        self.known.remove(&hash);
        self.hub.end_session(&hash);
        Ok(())
    }

    /// Forgets the sessions that ran out.
    ///
    /// # Errors
    /// When the database cannot.
    pub async fn delete_expired(&self) -> DbResult<usize> {
        let now = Utc::now();
        self.db.write(move |conn| db::sessions::delete_expired(conn, now - LIFETIME, now - IDLE)).await
    }
}

fn new_token() -> DbResult<String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)
        .map_err(|error| DbError::Unavailable(format!("the system has no randomness: {error}")))?;
    Ok(format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret)))
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_bits_and_a_prefix_that_scanners_know() {
        let token = new_token().unwrap();
        let secret = token.strip_prefix(TOKEN_PREFIX).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32);
        assert_ne!(new_token().unwrap(), token);
    }
}
