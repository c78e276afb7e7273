//! One open connection: who it belongs to, and what is on its way to it.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use shared::users::User;

use super::outbox::Outbox;

/// Names a connection. Never reused.
pub type ConnectionId = u64;
/// Names a signed-in session without being its token.
pub type SessionKey = [u8; 32];

/// One open connection.
#[derive(Debug)]
pub struct Connection {
    /// Its name.
    pub id: ConnectionId,
    /// The frames on their way to it.
    pub outbox: Outbox,
    /// Where it comes from.
    pub address: IpAddr,
    identity: RwLock<Option<Identity>>,
}

/// Who a connection belongs to.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user.
    pub user: Arc<User>,
    /// The session they signed in with.
    pub session: SessionKey,
}

impl Connection {
    pub(super) fn new(id: ConnectionId, address: IpAddr, identity: Option<Identity>) -> Self {
        Self { id, outbox: Outbox::default(), address, identity: RwLock::new(identity) }
    }

    /// The user; `None` while the connection is anonymous.
    pub fn user(&self) -> Option<Arc<User>> {
        self.identity().map(|identity| identity.user)
    }

    pub(super) fn identity(&self) -> Option<Identity> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_identity(&self, identity: Identity) {
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }
}
