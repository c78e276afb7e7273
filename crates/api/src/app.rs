//! The shared state of the running server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// For reads, and for writes outside of rooms.
    pub db: Db,
    /// For changes to rooms.
    pub writer: Writer,
    /// The open connections and the delivery of events.
    pub hub: Arc<Hub>,
    /// The sessions.
    pub sessions: Sessions,
    /// The rate limits.
    pub limits: Limits,
    /// Whether the database answers.
    pub readiness: Readiness,
    is_draining: AtomicBool,
}

impl App {
    /// Assembles the components.
    pub fn new(config: Config, db: Db, writer: Writer, hub: Arc<Hub>, limits: Limits) -> Self {
        let sessions = Sessions::new(db.clone(), hub.clone());
        let readiness = Readiness::default();
        Self { config, db, writer, hub, sessions, limits, readiness, is_draining: AtomicBool::new(false) }
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
