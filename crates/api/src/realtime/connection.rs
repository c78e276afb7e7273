//! One open connection: its identity and its outbox.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use shared::users::{Me, User};

use super::outbox::Outbox;
use crate::policy::{Actor, Principal, Scopes};

/// The id of a connection. It is never reused.
pub type ConnectionId = u64;
/// Identifies a session: the hash of its token.
pub type SessionKey = [u8; 32];

/// One open connection.
#[derive(Debug)]
pub struct Connection {
    /// The id.
    pub id: ConnectionId,
    /// The frames that wait for it.
    pub outbox: Outbox,
    /// The client's address.
    pub address: IpAddr,
    identity: RwLock<Option<Identity>>,
}

/// The user and session of a connection.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user.
    pub user: Arc<User>,
    /// Whether the user administers the server.
    pub is_admin: bool,
    /// Whether the user has a password.
    pub has_password: bool,
    /// The session that the user signed in with, or the API token.
    pub session: SessionKey,
    /// What an API token may be used for; `None` for a session, which may be used for everything.
    pub scopes: Option<Scopes>,
    /// When an API token expires. Sessions are checked when they are read.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Identity {
    /// The identity of a user in a session.
    pub fn new(me: Me, session: SessionKey) -> Self {
        let Me { user, is_admin, has_password } = me;
        let (scopes, expires_at) = (None, None);
        Self { user: Arc::new(user), is_admin, has_password, session, scopes, expires_at }
    }

    /// The user as the policy knows them.
    pub fn principal(&self) -> Principal {
        let Self { user, is_admin, .. } = self;
        Principal { id: Some(user.id), actor: Actor::User { kind: user.kind, is_admin: *is_admin } }
    }

    /// The user as they see themselves.
    pub fn me(&self) -> Me {
        let Self { user, is_admin, has_password, .. } = self;
        Me { user: user.as_ref().clone(), is_admin: *is_admin, has_password: *has_password }
    }
}

impl Connection {
    pub(super) fn new(id: ConnectionId, address: IpAddr, identity: Option<Identity>) -> Self {
        Self { id, outbox: Outbox::default(), address, identity: RwLock::new(identity) }
    }

    /// The user; `None` while the connection is anonymous.
    pub fn user(&self) -> Option<Arc<User>> {
        self.identity().map(|identity| identity.user)
    }

    /// The user as the policy knows them.
    pub fn principal(&self) -> Principal {
        self.identity().map_or(Principal::NOBODY, |identity| identity.principal())
    }

    /// The user and the session; `None` while the connection is anonymous.
    pub fn identity(&self) -> Option<Identity> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_identity(&self, identity: Identity) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }
}
