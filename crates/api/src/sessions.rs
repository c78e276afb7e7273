//! Sessions: opaque tokens of 256 bits, stored as SHA-256 hashes and cached in memory.

mod memory;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{TimeDelta, Utc};
use sha2::{Digest, Sha256};
use shared::events::CloseCode;
use shared::ids::{RoomId, SessionId};
use shared::users::{Me, User};
use uuid::Uuid;

use self::memory::Memory;
use crate::clock;
use crate::db::identity_events::Followed;
use crate::db::sessions::NewSession;
use crate::db::token_hash::TokenHash;
use crate::db::tokens::Found;
use crate::db::{self, Db, DbError, DbResult};
use crate::realtime::admission::Refusal;
use crate::realtime::connection::{Connection, Identity};
use crate::realtime::hub::{Hub, Registration};
use crate::realtime::room::Voice;

/// A session expires after this time without use.
pub const IDLE_LIFETIME: TimeDelta = TimeDelta::days(14);
/// A session expires after this time even if it is used.
pub const LIFETIME: TimeDelta = TimeDelta::days(90);
/// How many expired sessions one statement deletes: few enough for the statement timeout.
const EXPIRED_BATCH: i64 = 1_000;
/// How far a look at the events of other servers reaches back before the previous one: longer than any transaction that
/// stores one takes.
const EVENT_OVERLAP: Duration = Duration::from_secs(10);
/// The prefix of every token, by which secret scanners recognise leaked tokens.
const TOKEN_PREFIX: &str = "parlance_";

/// The program and the place that a session is for.
#[derive(Clone, Debug)]
pub struct Client {
    /// The program, as it calls itself.
    pub user_agent: Option<String>,
    /// The network address.
    pub address: IpAddr,
}

/// The sessions.
pub struct Sessions {
    db: Db,
    hub: Arc<Hub>,
    memory: Arc<Memory>,
    progress: Mutex<Progress>,
}

/// How far this server has followed the events of others.
struct Progress {
    /// When they were last read.
    at: Instant,
    /// Those that were read then. Each is followed once, although reads overlap.
    events: HashSet<Uuid>,
}

impl Sessions {
    /// Creates the sessions on top of `db`. Signing out closes sockets of `hub`.
    pub fn new(db: Db, hub: Arc<Hub>) -> Self {
        Self {
            db,
            hub,
            memory: Arc::default(),
            progress: Mutex::new(Progress { at: Instant::now(), events: HashSet::new() }),
        }
    }

    /// Makes a session for `client`. It is stored by [`db::sessions::create`], in the transaction that knows its user.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn prepare(client: &Client) -> DbResult<(NewSession, String)> {
        let token = new_token()?;
        let new = NewSession {
            id: SessionId(Uuid::now_v7()),
            token_hash: hash(&token),
            user_agent: client.user_agent.clone(),
            address: client.address.to_string(),
            created_at: clock::now(),
        };
        Ok((new, token))
    }

    /// Caches a session that was stored.
    pub fn remember(&self, me: &Me, session: &NewSession) {
        self.memory.remember(&Identity::new(me.clone(), session.token_hash));
    }

    /// Refuses the tokens of sessions whose rows are deleted, and closes their sockets.
    pub fn end(&self, sessions: &[TokenHash], code: CloseCode) {
        for session in sessions {
            self.memory.end(*session, Some(Instant::now()));
            self.hub.end_session(session, code);
        }
    }

    /// Follows a change of a user: what is cached of them is read again, and their sockets have the new name.
    pub fn user_changed(&self, user: &User) {
        self.memory.forget_user(user.id);
        self.hub.user_changed(&Arc::new(user.clone()));
    }

    /// Follows what other servers on this database did to sessions and users.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn follow_events(&self) -> DbResult<()> {
        let started_at = Instant::now();
        let since = started_at.duration_since(self.progress().at) + EVENT_OVERLAP;
        let seconds = i32::try_from(since.as_secs()).unwrap_or(i32::MAX);
        let events = self.db.run(move |conn| db::identity_events::list(conn, seconds)).await?;
        let mut progress = self.progress();
        for event in events.iter().filter(|event| !progress.events.contains(&event.id)) {
            self.follow(event);
        }
        *progress = Progress { at: started_at, events: events.into_iter().map(|event| event.id).collect() };
        Ok(())
    }

    fn follow(&self, Followed { event, user, .. }: &Followed) {
        let code = if event.is_disabled { CloseCode::Forbidden } else { CloseCode::SessionEnded };
        match event.session {
            Some(session) if !self.memory.has_ended(&session) => self.end(&[session], code),
            Some(_) => {}
            None => {
                self.user_changed(user);
                if event.is_disabled {
                    self.hub.end_user(user.id, code);
                }
            }
        }
    }

    /// No code panics while it holds this lock, so a poisoned state is consistent.
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user of a session or of an API token, by the [`hash`] of its text. `None` if it is unknown, expired or signed
    /// out.
    ///
    /// # Errors
    /// If the session is not cached and the database does not answer.
    pub async fn get(&self, session: TokenHash, is_token: bool) -> DbResult<Option<Identity>> {
        if let Some(identity) = self.memory.recall(&session) {
            return Ok(Some(identity));
        }
        if self.memory.has_ended(&session) {
            return Ok(None);
        }
        let now = Utc::now();
        let read = move |conn: &mut db::Conn| {
            if is_token {
                let Found { me, scopes, expires_at } = db::tokens::get(conn, &session, now)?;
                return Ok(Identity { scopes: Some(scopes), expires_at, ..Identity::new(me, session) });
            }
            let me = db::sessions::get(conn, &session, now - LIFETIME, now - IDLE_LIFETIME, now)?;
            Ok(Identity::new(me, session))
        };
        match self.db.run(read).await {
            Ok(identity) => Ok(self.memory.remember(&identity).then_some(identity)),
            Err(DbError::NotFound) => {
                self.memory.known.remove(&session);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a session has ended, or a token has expired, as far as this server knows without asking the database.
    pub fn has_ended(&self, identity: &Identity) -> bool {
        let is_expired = identity.expires_at.is_some_and(|at| at <= Utc::now());
        is_expired || self.memory.has_ended(&identity.session)
    }

    /// Whether the session is cached or has ended recently. Other tokens may be guesses.
    pub fn is_known(&self, session: &TokenHash) -> bool {
        self.memory.known.contains_key(session) || self.memory.has_ended(session)
    }

    /// Registers a socket. If its session ended while it was being opened, the socket is closed.
    ///
    /// # Errors
    /// Those of [`Hub::connect`].
    pub fn connect(&self, address: IpAddr, identity: Option<Identity>) -> Result<Registration, Refusal> {
        let session = identity.as_ref().map(|identity| identity.session);
        let registration = self.hub.connect(address, identity)?;
        self.close_if_ended(registration.connection(), session);
        Ok(registration)
    }

    /// Sets the identity of a registered socket. If the session ended meanwhile, the socket is closed.
    ///
    /// # Errors
    /// Those of [`Hub::identify`].
    pub fn identify(
        &self,
        connection: &Connection,
        identity: Identity,
        voices: &[(RoomId, Voice)],
    ) -> Result<(), Refusal> {
        let session = identity.session;
        self.hub.identify(connection, identity, voices)?;
        self.close_if_ended(connection, Some(session));
        Ok(())
    }

    /// [`Hub::end_session`] misses a socket that is registered after it.
    fn close_if_ended(&self, connection: &Connection, session: Option<TokenHash>) {
        if session.is_some_and(|session| self.memory.has_ended(&session)) {
            connection.outbox.close(CloseCode::SessionEnded);
        }
    }

    /// Signs out: this server rejects the token immediately and closes the sockets of the session.
    ///
    /// # Errors
    /// If the database does not confirm the deletion. [`Sessions::retry_deletions`] repeats it.
    pub async fn delete(&self, session: TokenHash) -> DbResult<()> {
        self.memory.end(session, None);
        self.hub.end_session(&session, CloseCode::SessionEnded);
        // A separate task completes even if the client resets the connection.
        let (db, memory) = (self.db.clone(), self.memory.clone());
        let deletion = tokio::spawn(async move { delete_rows(&db, &memory, vec![session]).await });
        deletion.await.unwrap_or_else(|error| {
            Err(DbError::Unavailable(format!("the deletion of a session failed: {error}")))
        })
    }

    /// Repeats the deletion of signed-out sessions that the database has not confirmed.
    ///
    /// # Errors
    /// If it fails again.
    pub async fn retry_deletions(&self) -> DbResult<()> {
        self.memory.forget_ended(Instant::now());
        let waiting = self.memory.not_deleted();
        if waiting.is_empty() { Ok(()) } else { delete_rows(&self.db, &self.memory, waiting).await }
    }

    /// Deletes expired sessions from the database.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn delete_expired(&self) -> DbResult<()> {
        let now = Utc::now();
        let (oldest, idle_since) = (now - LIFETIME, now - IDLE_LIFETIME);
        let delete =
            move |conn: &mut db::Conn| db::sessions::delete_expired(conn, oldest, idle_since, EXPIRED_BATCH);
        while self.db.write(delete).await? > 0 {}
        Ok(())
    }
}

async fn delete_rows(db: &Db, memory: &Memory, sessions: Vec<TokenHash>) -> DbResult<()> {
    let hashes = sessions.clone();
    db.write(move |conn| db::transaction(conn, |conn| db::sessions::delete(conn, &hashes))).await?;
    for session in sessions {
        memory.end(session, Some(Instant::now()));
    }
    Ok(())
}

fn new_token() -> DbResult<String> {
    Ok(format!("{TOKEN_PREFIX}{}", new_secret()?))
}

/// A secret of 256 bits.
///
/// # Errors
/// If the operating system has no randomness.
pub fn new_secret() -> DbResult<String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)
        .map_err(|error| DbError::Unavailable(format!("the system has no randomness: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(secret))
}

/// The hash of a token, by which its session is stored and cached.
pub fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use shared::ids::UserId;
    use shared::timestamp::Timestamp;
    use shared::users::{User, UserKind, Username};

    use super::*;
    use crate::config::Access;
    use crate::realtime::admission::SocketLimits;

    fn identity(token: &str) -> Identity {
        let user = User {
            id: UserId(Uuid::now_v7()),
            username: Username::from_stored("Grace".to_owned()),
            kind: UserKind::Guest,
            avatar_url: None,
            created_at: Timestamp::from(clock::now()),
            deleted_at: None,
        };
        Identity::new(Me { user, is_admin: false, has_password: false }, hash(token))
    }

    #[test]
    fn a_token_has_256_bits_and_a_prefix_that_scanners_know() {
        let token = new_token().unwrap();
        let secret = token.strip_prefix(TOKEN_PREFIX).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(secret).unwrap().len(), 32);
        assert_ne!(new_token().unwrap(), token);
    }

    #[test]
    fn a_socket_that_is_registered_after_the_end_of_its_session_is_closed() {
        let limits = SocketLimits { total: 9, per_user: 9, per_address: 9 };
        let sessions = Sessions::new(Db::unconnected(), Arc::new(Hub::new(limits, Access::Open)));
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (grace, ada) = (identity("grace"), identity("ada"));
        // The identities were read before the sign-out.
        sessions.memory.end(grace.session, None);
        sessions.hub.end_session(&grace.session, CloseCode::SessionEnded);

        let is_closing = |registration: &Registration| registration.connection().outbox.is_closing();
        assert!(is_closing(&sessions.connect(address, Some(grace.clone())).unwrap()));
        let anonymous = sessions.connect(address, None).unwrap();
        assert!(!is_closing(&anonymous));
        sessions.identify(anonymous.connection(), grace, &[]).unwrap();
        assert!(is_closing(&anonymous));
        assert!(!is_closing(&sessions.connect(address, Some(ada)).unwrap()));
    }
}
