//! The Parlance server.
//!
//! Edges ([`http`], [`socket`]) take requests and commands; [`writer`] makes every change to a room and publishes it;
//! [`db`] holds the queries; [`realtime`] fans events out; [`policy`] says who may do what. [`Server::start`] puts
//! them together; `main.rs` adds signals and the log.

pub mod app;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod http;
pub mod janitor;
pub mod json;
pub mod limits;
pub mod policy;
pub mod postgres;
pub mod readiness;
pub mod realtime;
pub mod sessions;
pub mod socket;
pub mod writer;

use std::any::Any;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::rt::net::TcpStream;
use actix_web::{HttpServer, middleware, web};
use shared::ids::RoomId;
use shared::rooms::RoomName;
use thiserror::Error;
use uuid::Uuid;

use crate::app::App;
use crate::config::{Config, Switch};
use crate::db::rooms::NewRoom;
use crate::db::{Db, DbError};
use crate::limits::Limits;
use crate::postgres::{Cluster, ClusterError};
use crate::realtime::hub::Hub;
use crate::writer::Writer;

/// The first room of an empty database.
const FIRST_ROOM: &str = "Lobby";
/// How long a database that does not answer is waited for at start.
const DATABASE_PATIENCE: Duration = Duration::from_secs(5);
/// How many writers there are: while one flushes, the other executes.
const WRITERS: usize = 2;
/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle HTTP connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a connection stays open for what was sent last to arrive, when the client does not close it.
const LINGER: Duration = Duration::from_secs(2);
/// A peer that takes no bytes for this long is disconnected by the kernel (RFC 5482).
const WRITE_STALL: Duration = Duration::from_secs(10);
/// How much may wait unsent in the kernel for one connection, in bytes. The rest waits in the outbox, where it counts.
const MAX_UNSENT_BYTES: u32 = 128 * 1024;
/// How long sockets get to end when the server stops, in seconds: as long as a stalled one.
const SOCKETS_STOP_TIMEOUT: u64 = 10;
/// How long requests get after that, in seconds.
const STOP_TIMEOUT: u64 = 10;
/// How long the writers get after that, when their database hangs.
const WRITERS_STOP_TIME: Duration = Duration::from_secs(2);
/// How long stopping takes in all. Whoever supervises the process waits longer.
const STOP_TIME: Duration = Duration::from_secs(24);

/// Why the server does not start: one sentence each, with what to do.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("Cannot listen on {0}: {1}. Choose another port with --port.")]
    Bind(SocketAddr, std::io::Error),
    /// The private Postgres does not start.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database does not answer.
    #[error("Cannot reach the database of DATABASE_URL: {0}.")]
    Database(String),
    /// The database could lose acknowledged messages.
    #[error(
        "The database has {0} switched off, so it could lose messages: switch it on, or use another database."
    )]
    NotDurable(String),
    /// The database cannot be brought to this version.
    #[error("The database cannot be migrated: {0}.")]
    Migration(String),
    /// The system gives no thread.
    #[error("Cannot start: {0}.")]
    Thread(std::io::Error),
}

impl StartError {
    /// The first line of what the database says: libpq explains itself on several.
    fn unreachable(error: &DbError) -> Self {
        Self::Database(error.to_string().lines().next().unwrap_or_default().to_owned())
    }
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    app: Arc<App>,
    http: ServerHandle,
    thread: JoinHandle<std::io::Result<()>>,
    cluster: Option<Cluster>,
}

impl Server {
    /// Starts everything: the database, the writers, the listener. When it returns, requests are served.
    ///
    /// # Errors
    /// In one sentence, what is wrong and what to do.
    pub fn start(config: Config) -> Result<Self, StartError> {
        // The port first: a second start by mistake must not touch the first one's database.
        let wanted = config.address();
        let bind_error = |error| StartError::Bind(wanted, error);
        let listener = TcpListener::bind(wanted).map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        // An empty variable is what compose files make of an unset one.
        let (cluster, database_url) = match config.database_url.as_ref().filter(|url| !url.trim().is_empty())
        {
            Some(url) => (None, url.clone()),
            None => {
                let options = postgres::Options {
                    data_dir: config.data_dir.clone(),
                    bin_dir: config.postgres_bin_dir.clone(),
                };
                let cluster = Cluster::start(&options)?;
                let url = cluster.database_url();
                (Some(cluster), url)
            }
        };
        prepare_database(&database_url)?;
        if config.rate_limits == Switch::Off {
            tracing::warn!("rate limits are off");
        }
        let unavailable = |error: DbError| StartError::unreachable(&error);
        let db = Db::connect(&database_url, config.database_connections).map_err(unavailable)?;
        let limits = Limits::new(&config);
        let hub = Arc::new(Hub::new(limits.sockets, config.access));
        let writer = Writer::start(&database_url, &hub, WRITERS).map_err(StartError::Thread)?;
        let app = Arc::new(App::new(config, db, writer, hub, limits));
        let (http, thread) = serve(listener, app.clone()).map_err(StartError::Thread)?;
        Ok(Self { address, app, http, thread, cluster })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Where people reach it.
    pub fn url(&self) -> String {
        let address = self.address;
        match address.ip() {
            ip if ip.is_unspecified() => format!("http://localhost:{}", address.port()),
            _ => format!("http://{address}"),
        }
    }

    /// Drains and stops: not ready, sockets told to come back, requests and changes finished, the private Postgres
    /// shut down. Takes 25 seconds at most: what hangs then is left behind, and ends with the process.
    pub fn stop(self) {
        let deadline = Instant::now() + STOP_TIME;
        self.app.drain();
        self.app.hub.wait_until_empty(Duration::from_secs(SOCKETS_STOP_TIMEOUT));
        // Dropping the future is fine: the command is sent at once, the thread's end says that it is done.
        drop(self.http.stop(true));
        // The thread waits for its queries, also for those that a hanging database never answers.
        let http_deadline = deadline.min(Instant::now() + Duration::from_secs(STOP_TIMEOUT + 1));
        match join_until(self.thread, http_deadline) {
            Some(Ok(Ok(()))) => {}
            Some(Ok(Err(error))) => tracing::error!(%error, "the HTTP server failed"),
            Some(Err(_)) => tracing::error!("the HTTP server panicked"),
            None => tracing::warn!("the HTTP server does not end; it is left behind"),
        }
        match Arc::try_unwrap(self.app) {
            Ok(app) => {
                if !app.writer.stop(deadline.min(Instant::now() + WRITERS_STOP_TIME)) {
                    tracing::warn!("the writers do not end; unacknowledged changes may be lost");
                }
            }
            Err(_) => tracing::warn!("something still holds the server; unacknowledged changes may be lost"),
        }
        if let Some(cluster) = self.cluster {
            // Postgres has its guard, which stops it also when this process ends before.
            let stopping = std::thread::spawn(move || cluster.stop());
            if join_until(stopping, deadline).is_none() {
                tracing::warn!("Postgres does not stop; its guard sees to it");
            }
        }
    }
}

/// A thread's result, if it ends before `deadline`.
fn join_until<T>(thread: JoinHandle<T>, deadline: Instant) -> Option<std::thread::Result<T>> {
    while !thread.is_finished() {
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Some(thread.join())
}

/// Migrates the database and sees that it is sound; an empty one gets its first room.
fn prepare_database(database_url: &str) -> Result<(), StartError> {
    let failed = |error: DbError| StartError::unreachable(&error);
    let deadline = Instant::now() + DATABASE_PATIENCE;
    let mut conn = loop {
        match db::connect(database_url) {
            Ok(conn) => break conn,
            Err(error) if Instant::now() >= deadline => return Err(failed(error)),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    let off = db::durability_settings_off(&mut conn).map_err(failed)?;
    if !off.is_empty() {
        return Err(StartError::NotDurable(off.join(", ")));
    }
    db::migrate(&mut conn).map_err(StartError::Migration)?;
    if db::rooms::none_ever(&mut conn).map_err(failed)? {
        let room = NewRoom {
            id: RoomId(Uuid::now_v7()),
            name: RoomName::from_stored(FIRST_ROOM.to_owned()),
            created_by: None,
            created_at: clock::now(),
        };
        match db::rooms::create(&mut conn, &room) {
            // Another server was quicker.
            Ok(_) | Err(DbError::Conflict(_)) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// Serves on a thread of its own until the handle says stop.
fn serve(
    listener: TcpListener,
    app: Arc<App>,
) -> std::io::Result<(ServerHandle, JoinHandle<std::io::Result<()>>)> {
    let (send_handle, handle) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name("http".to_owned()).spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let (to_tick, to_clean) = (app.clone(), app.clone());
            let timekeeper = janitor::supervise("timekeeper", move || janitor::keep_time(to_tick.clone()));
            let cleaner = janitor::supervise("janitor", move || janitor::clean(to_clean.clone()));
            let (timekeeper, cleaner) = (actix_web::rt::spawn(timekeeper), actix_web::rt::spawn(cleaner));
            // A worker's blocking threads do nothing but query; more of them would only wait for a connection.
            let blocking_threads = app.config.database_connections as usize;
            let data = web::Data::from(app);
            let server = HttpServer::new(move || {
                actix_web::App::new()
                    .app_data(data.clone())
                    .configure(http::configure)
                    .wrap(middleware::Compress::default())
                    .wrap(middleware::from_fn(http::problem::middleware))
            })
            .worker_max_blocking_threads(blocking_threads)
            .client_request_timeout(HEAD_TIMEOUT)
            .keep_alive(KEEP_ALIVE)
            .client_disconnect_timeout(LINGER)
            .h1_write_buffer_size(socket::WRITE_BUFFER_BYTES)
            // An event must not wait for the acknowledgement of the event before it.
            .tcp_nodelay(true)
            .on_connect(|stream, _| bound_unread(stream))
            .shutdown_timeout(STOP_TIMEOUT)
            .disable_signals()
            .listen(listener)?
            .run();
            // Nobody waits for the handle any more only when the start was given up.
            let _ = send_handle.send(server.handle());
            let ended = server.await;
            timekeeper.abort();
            cleaner.abort();
            ended
        })
    })?;
    match handle.recv() {
        Ok(handle) => Ok((handle, thread)),
        Err(_) => Err(match thread.join() {
            Ok(Err(error)) => error,
            _ => std::io::Error::other("the HTTP server ended at once"),
        }),
    }
}

/// Bounds what a peer that does not read costs.
fn bound_unread(stream: &dyn Any) {
    let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
    let socket = socket2::SockRef::from(stream);
    let bounded = socket
        .set_tcp_user_timeout(Some(WRITE_STALL))
        .and_then(|()| socket.set_tcp_notsent_lowat(MAX_UNSENT_BYTES));
    if let Err(error) = bounded {
        tracing::debug!(%error, "the connection keeps the system's bounds");
    }
}
