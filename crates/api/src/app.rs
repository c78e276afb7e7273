//! What the server consists of while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::Config;
use crate::db::Db;
use crate::limits::Limits;
use crate::readiness::Readiness;
use crate::realtime::hub::Hub;
use crate::sessions::Sessions;
use crate::writer::Writer;

/// The parts, shared by all requests.
pub struct App {
    /// The settings.
    pub config: Config,
    /// For reads, and writes that no room numbers.
    pub db: Db,
    /// For every change to a room.
    pub writer: Writer,
    /// Who is connected.
    pub hub: Arc<Hub>,
    /// Who is signed in.
    pub sessions: Sessions,
    /// Who may do how much.
    pub limits: Limits,
    /// Whether the database answers.
    pub readiness: Readiness,
    is_draining: AtomicBool,
}

impl App {
    /// Puts the parts together.
    pub fn new(config: Config, db: Db, writer: Writer, hub: Arc<Hub>, limits: Limits) -> Self {
        let sessions = Sessions::new(db.clone(), hub.clone());
        let readiness = Readiness::default();
        Self { config, db, writer, hub, sessions, limits, readiness, is_draining: AtomicBool::new(false) }
    }

    /// Whether the server is about to stop.
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// The server is about to stop: it is not ready any more, and sockets are told to come back later.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
        self.hub.drain();
    }
}
