//! The shared state of the running server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shared::ids::Epoch;

use crate::accounts::Accounts;
use crate::change_reads::ChangeReads;
use crate::config::Config;
use crate::db::Db;
use crate::devices::Devices;
use crate::files::Files;
use crate::limits::Limits;
use crate::readiness::Readiness;
use crate::realtime::hub::Hub;
use crate::sessions::Sessions;
use crate::streams::Streams;
use crate::tasks::Tasks;
use crate::writer::Writer;

/// The components, shared by all requests.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The address that the server listens on.
    pub address: SocketAddr,
    /// Identifies the history of the database.
    pub epoch: Epoch,
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
    /// The browsers that have signed in before.
    pub devices: Devices,
    /// The attachments and pictures.
    pub files: Files,
    /// The rate limits.
    pub limits: Limits,
    /// What is to be done in the rooms of users.
    pub tasks: Tasks,
    /// Reads of what changed in rooms.
    pub change_reads: ChangeReads,
    /// The clients without WebSocket.
    pub streams: Streams,
    /// Whether the database answers.
    pub readiness: Readiness,
    is_draining: AtomicBool,
}

impl App {
    /// Assembles the components.
    #[allow(clippy::too_many_arguments)] // They are the components.
    pub fn new(
        config: Config,
        address: SocketAddr,
        epoch: Epoch,
        db: Db,
        writer: Writer,
        hub: Arc<Hub>,
        limits: Limits,
        accounts: Accounts,
        devices: Devices,
        files: Files,
    ) -> Self {
        let sessions = Sessions::new(db.clone(), hub.clone());
        let is_draining = AtomicBool::new(false);
        let (tasks, readiness, streams) = (Tasks::default(), Readiness::default(), Streams::default());
        let change_reads = ChangeReads::new(db.clone());
        Self {
            config,
            address,
            epoch,
            db,
            writer,
            hub,
            sessions,
            accounts,
            devices,
            files,
            limits,
            tasks,
            change_reads,
            streams,
            readiness,
            is_draining,
        }
    }

    /// The URL under which users reach the server, without a slash at the end.
    pub fn public_url(&self) -> String {
        self.config.public_url(self.address)
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
