//! The shared state of the running server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::accounts::Accounts;
use crate::config::Config;
use crate::db::Db;
use crate::limits::Limits;
use crate::readiness::Readiness;
use crate::realtime::hub::Hub;
use crate::sessions::Sessions;
use crate::writer::Writer;

/// The components, shared by all requests.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The address that the server listens on.
    pub address: SocketAddr,
    /// For reads, and for writes outside of rooms.
    pub db: Db,
    /// For changes to rooms.
    pub writer: Writer,
    /// The open connections and the delivery of events.
    pub hub: Arc<Hub>,
    /// The sessions.
    pub sessions: Sessions,
    /// The accounts.
    pub accounts: Accounts,
    /// The rate limits.
    pub limits: Limits,
    /// Whether the database answers.
    pub readiness: Readiness,
    is_draining: AtomicBool,
}

impl App {
    /// Assembles the components.
    pub fn new(
        config: Config,
        address: SocketAddr,
        db: Db,
        writer: Writer,
        hub: Arc<Hub>,
        limits: Limits,
        accounts: Accounts,
    ) -> Self {
        let sessions = Sessions::new(db.clone(), hub.clone());
        let is_draining = AtomicBool::new(false);
        let readiness = Readiness::default();
        Self { config, address, db, writer, hub, sessions, accounts, limits, readiness, is_draining }
    }

    /// The URL under which users reach the server, without a slash at the end: the setting, or the address as seen from
    /// this machine.
    pub fn public_url(&self) -> String {
        match (&self.config.public_url, self.address.ip()) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, ip) if ip.is_unspecified() => format!("http://localhost:{}", self.address.port()),
            (None, _) => format!("http://{}", self.address),
        }
    }

    /// Whether the server is about to stop.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Prepares the stop: the server reports that it is not ready and closes its sockets with `Restart`.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
        self.hub.drain();
    }
}
