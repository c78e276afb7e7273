//! The Parlance server.
//!
//! The edges ([`http`], [`socket`], [`streams`]) take requests and commands. [`writer`] makes and publishes every change to a
//! room, whose work is in [`rooms`]. [`db`] holds the queries, [`realtime`] delivers events, [`policy`] decides permissions. [`Server::start`]
//! assembles them; `main.rs` adds signals and logging.

pub mod accounts;
pub mod admin_command;
pub mod api_tokens;
pub mod app;
pub mod backup;
pub mod change_reads;
pub mod clock;
pub mod commands;
pub mod config;
pub mod db;
pub mod devices;
pub mod error;
pub mod files;
pub mod formatting;
pub mod http;
pub mod janitor;
pub mod json;
pub mod limits;
pub mod passwords;
pub mod policy;
pub mod postgres;
pub mod read_marks;
pub mod readiness;
pub mod realtime;
pub mod rooms;
pub mod sessions;
pub mod socket;
pub mod streams;
pub mod tasks;
pub mod threads;
pub mod writer;

use std::any::Any;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::rt::net::TcpStream;
use actix_web::{HttpServer, middleware, web};
use shared::ids::RoomId;
use shared::rooms::{RoomName, Visibility};
use thiserror::Error;
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::app::App;
use crate::config::{Config, Switch};
use crate::db::rooms::NewRoom;
use crate::db::{Conn, Db, DbError};
use crate::devices::Devices;
use crate::files::Files;
use crate::limits::Limits;
use crate::postgres::{Cluster, ClusterError};
use crate::realtime::audience::Audiences;
use crate::realtime::hub::Hub;
use crate::writer::Writer;

/// The room that an empty database gets.
const FIRST_ROOM: &str = "Lobby";
/// How long the start waits for a database that does not answer.
const DATABASE_START_TIMEOUT: Duration = Duration::from_secs(5);
/// The number of writers: while one flushes, the other executes.
const WRITERS: usize = 2;
/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle HTTP connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a connection stays open after the last response, so that its bytes arrive, if the client does not close.
const LINGER: Duration = Duration::from_secs(2);
/// A peer that takes no bytes for this long is disconnected by the kernel (RFC 5482).
const WRITE_STALL: Duration = Duration::from_secs(10);
/// The limit of unsent bytes per connection in the kernel. The rest waits in the outbox, where it is counted.
const MAX_UNSENT_BYTES: u32 = 128 * 1024;
/// How long the sockets may take to close when the server stops, in seconds: as long as a stalled one.
const SOCKETS_STOP_TIMEOUT: u64 = 10;
/// How long the requests may take after that, in seconds.
const STOP_TIMEOUT: u64 = 10;
/// How long the writers may take after that, if their database hangs.
const WRITERS_STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// How long stopping may take in total. Service managers must wait longer before they send SIGKILL.
const TOTAL_STOP_TIMEOUT: Duration = Duration::from_secs(24);

/// Why the server does not start. Each message is one sentence that says what to do.
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
    /// The operating system refuses a thread.
    #[error("Cannot start: {0}.")]
    Thread(std::io::Error),
    /// The store of files cannot be opened.
    #[error("Cannot store files: {0}.")]
    Files(std::io::Error),
}

impl StartError {
    /// Keeps only the first line of the error: libpq writes several.
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
    setup_secret: Option<String>,
}

impl Server {
    /// Starts the database, the writers and the listener. When it returns, requests are served.
    ///
    /// # Errors
    /// [`StartError`] says what is wrong and what to do.
    pub fn start(config: Config) -> Result<Self, StartError> {
        // The port comes first: a second server, started by mistake, must not touch the database of the first.
        let wanted = config.address();
        let bind_error = |error| StartError::Bind(wanted, error);
        let listener = TcpListener::bind(wanted).map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let (cluster, database_url) = match config.external_database() {
            Some(url) => (None, url.to_owned()),
            None => {
                let cluster = Cluster::start(&config.private_postgres())?;
                let url = cluster.database_url();
                (Some(cluster), url)
            }
        };
        let mut prepared = prepare_database(&database_url)?;
        if config.rate_limits == Switch::Off {
            tracing::warn!("rate limits are off");
        }
        let unavailable = |error: DbError| StartError::unreachable(&error);
        let db = Db::connect(&database_url, config.database_connections).map_err(unavailable)?;
        let limits = Limits::new(&config);
        let hub = Arc::new(Hub::new(limits.sockets, config.access));
        let members = db::members::of_private_rooms(&mut prepared).map_err(unavailable)?;
        hub.set_audiences(Audiences::new(members));
        let writer = Writer::start(&database_url, &hub, WRITERS).map_err(StartError::Thread)?;
        let accounts = Accounts::start(db.clone(), hub.clone(), &config).map_err(StartError::Thread)?;
        let epoch = db::settings::epoch(&mut prepared).map_err(unavailable)?;
        let device_key = db::settings::device_key(&mut prepared).map_err(unavailable)?;
        let devices =
            Devices::new(&device_key).map_err(|error| StartError::Thread(io::Error::other(error)))?;
        let setup_secret = accounts.setup_secret(&mut prepared).map_err(unavailable)?;
        let files = Files::start(&config).map_err(StartError::Files)?;
        let app =
            Arc::new(App::new(config, address, epoch, db, writer, hub, limits, accounts, devices, files));
        let (http, thread) = serve(listener, app.clone()).map_err(StartError::Thread)?;
        Ok(Self { address, app, http, thread, cluster, setup_secret })
    }

    /// The address that the server listens on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the server, as seen from this machine.
    pub fn url(&self) -> String {
        let address = self.address;
        match address.ip() {
            ip if ip.is_unspecified() => format!("http://localhost:{}", address.port()),
            _ => format!("http://{address}"),
        }
    }

    /// The link by which the first admin signs up, if the server needs one and has none.
    pub fn setup_url(&self) -> Option<String> {
        let secret = self.setup_secret.as_ref()?;
        Some(format!("{}/setup#{secret}", self.app.public_url()))
    }

    /// Stops the server gracefully: reports not ready, closes the sockets so that clients reconnect later, finishes
    /// requests and changes, and shuts the private Postgres down. It takes at most 25 seconds: threads that hang are
    /// abandoned then, and end with the process.
    pub fn stop(self) {
        let deadline = Instant::now() + TOTAL_STOP_TIMEOUT;
        self.app.drain();
        self.app.hub.wait_until_empty(Duration::from_secs(SOCKETS_STOP_TIMEOUT));
        // The future can be dropped: the command is sent at once, and the end of the thread shows that it is done.
        drop(self.http.stop(true));
        // The thread waits for its queries, including those that a hanging database never answers.
        let http_deadline = deadline.min(Instant::now() + Duration::from_secs(STOP_TIMEOUT + 1));
        match join_until(self.thread, http_deadline) {
            Some(Ok(Ok(()))) => {}
            Some(Ok(Err(error))) => tracing::error!(%error, "the HTTP server failed"),
            Some(Err(_)) => tracing::error!("the HTTP server panicked"),
            None => tracing::warn!("the HTTP server does not stop; it is abandoned"),
        }
        match Arc::try_unwrap(self.app) {
            Ok(app) => {
                if !app.writer.stop(deadline.min(Instant::now() + WRITERS_STOP_TIMEOUT)) {
                    tracing::warn!("the writers do not stop; unacknowledged changes may be lost");
                }
            }
            Err(_) => tracing::warn!("the server is still in use; unacknowledged changes may be lost"),
        }
        if let Some(cluster) = self.cluster {
            // If this process ends first, the watchdog stops Postgres.
            let stopping = std::thread::spawn(move || cluster.stop());
            if join_until(stopping, deadline).is_none() {
                tracing::warn!("Postgres does not stop; its watchdog will stop it");
            }
        }
    }
}

/// The result of a thread; `None` if it has not ended at `deadline`.
fn join_until<T>(thread: JoinHandle<T>, deadline: Instant) -> Option<std::thread::Result<T>> {
    while !thread.is_finished() {
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Some(thread.join())
}

/// Checks that the database is durable, migrates it, and creates the first room if there never was one.
fn prepare_database(database_url: &str) -> Result<Conn, StartError> {
    let failed = |error: DbError| StartError::unreachable(&error);
    let deadline = Instant::now() + DATABASE_START_TIMEOUT;
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
            topic: None,
            visibility: Visibility::Public,
            created_at: clock::now(),
        };
        match db::rooms::create(&mut conn, &room) {
            // Another server created it first.
            Ok(_) | Err(DbError::Conflict(_)) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(conn)
}

/// Starts the HTTP server on its own thread. It runs until it is stopped by the handle.
fn serve(
    listener: TcpListener,
    app: Arc<App>,
) -> std::io::Result<(ServerHandle, JoinHandle<std::io::Result<()>>)> {
    let (send_handle, handle) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().name("http".to_owned()).spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let (ticker_app, cleaner_app, worker_app) = (app.clone(), app.clone(), app.clone());
            let marks_app = app.clone();
            let ticker = janitor::supervise("ticker", move || janitor::tick(ticker_app.clone()));
            let cleaner = janitor::supervise("janitor", move || janitor::clean(cleaner_app.clone()));
            let worker = janitor::supervise("worker", move || janitor::work(worker_app.clone()));
            let marks = janitor::supervise("read marks", move || read_marks::run(marks_app.clone()));
            let background = [
                actix_web::rt::spawn(ticker),
                actix_web::rt::spawn(cleaner),
                actix_web::rt::spawn(worker),
                actix_web::rt::spawn(marks),
            ];
            // The blocking threads of a worker only run queries; more threads would only wait for a connection.
            let blocking_threads = app.config.database_connections as usize;
            let data = web::Data::from(app.clone());
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
            // An event must not wait until the client acknowledges the previous one (Nagle's algorithm).
            .tcp_nodelay(true)
            .on_connect(|stream, _| set_tcp_limits(stream))
            .shutdown_timeout(STOP_TIMEOUT)
            .disable_signals()
            .listen(listener)?
            .run();
            // The receiver is gone only if the start was abandoned.
            let _ = send_handle.send(server.handle());
            let ended = server.await;
            background.iter().for_each(tokio::task::JoinHandle::abort);
            read_marks::store(&app).await;
            ended
        })
    })?;
    match handle.recv() {
        Ok(handle) => Ok((handle, thread)),
        Err(_) => Err(match thread.join() {
            Ok(Err(error)) => error,
            _ => std::io::Error::other("the HTTP server ended immediately"),
        }),
    }
}

/// Bounds the cost of a peer that does not read.
fn set_tcp_limits(stream: &dyn Any) {
    let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
    let socket = socket2::SockRef::from(stream);
    let result = socket
        .set_tcp_user_timeout(Some(WRITE_STALL))
        .and_then(|()| socket.set_tcp_notsent_lowat(MAX_UNSENT_BYTES));
    if let Err(error) = result {
        tracing::debug!(%error, "the connection keeps the system's TCP limits");
    }
}
