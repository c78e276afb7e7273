//! A server under test.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use api::config::Config;
use api::{Server, StartError};
use clap::Parser as _;
use shared::page::Page;
use shared::rooms::{ROOMS_PATH, Room};
use shared::sessions::SESSIONS_PATH;

use crate::client::TestClient;
use crate::db::{TestDb, shared_data_dir};
use crate::http::Response;
use crate::socket::TestSocket;
use crate::temp_dir::TempDir;
use crate::transport::Transport;

/// A running server with its own database. Dropping it stops the server.
pub struct TestApp {
    // Before the database, so that it is dropped first.
    server: Option<Server>,
    addr: SocketAddr,
    db: TestDb,
    data_dir: TempDir,
    transport: Transport,
}

impl TestApp {
    /// The same server, whose clients are connected by this transport.
    pub fn by(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Starts a server without rate limits.
    pub fn start() -> Self {
        Self::with(&["--rate-limits", "off"])
    }

    /// Starts a server with these flags.
    pub fn with(flags: &[&str]) -> Self {
        Self::over(TestDb::new(), flags)
    }

    /// Starts a server with these flags on a prepared database.
    pub fn over(db: TestDb, flags: &[&str]) -> Self {
        let data_dir = TempDir::new();
        let server = start_server(db.url(), &with_data_dir(flags, &data_dir));
        Self { addr: server.addr(), server: Some(server), db, data_dir, transport: Transport::WebSocket }
    }

    /// The address of the server.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The database of the server.
    pub fn db(&self) -> &TestDb {
        &self.db
    }

    /// The names of all files that the server stores, and of those that it has begun.
    pub fn stored_files(&self) -> Vec<String> {
        names_below(&self.data_dir.path().join("files"))
    }

    /// A client without a session.
    pub fn anonymous(&self) -> TestClient {
        TestClient::anonymous(self.addr).by(self.transport)
    }

    /// A new guest.
    #[track_caller]
    pub fn guest(&self, username: &str) -> TestClient {
        TestClient::guest(self.addr, username).by(self.transport)
    }

    /// A new member. On the first call it is the server's admin.
    #[track_caller]
    pub fn member(&self, username: &str) -> TestClient {
        TestClient::member(self.addr, username).by(self.transport)
    }

    /// Signs in without a session.
    pub fn sign_in(&self, username: &str, password: &str) -> Response {
        let body = serde_json::json!({ "username": username, "password": password });
        self.anonymous().post(SESSIONS_PATH, &body)
    }

    /// A guest called Alice and a room that she created.
    #[track_caller]
    pub fn alice_in_a_room(&self) -> (TestClient, Room) {
        let alice = self.guest("Alice");
        let room = alice.create_room("Alice's room");
        (alice, room)
    }

    /// An anonymous socket.
    #[track_caller]
    pub fn socket(&self) -> TestSocket {
        TestSocket::connect(&self.anonymous())
    }

    /// The room that every new database has.
    #[track_caller]
    pub fn lobby(&self) -> Room {
        let page: Page<Room> = self.anonymous().get(ROOMS_PATH).expect(200).json();
        page.items.into_iter().next().expect("the first room")
    }

    /// The link for the first admin, if the server needs one.
    pub fn setup_url(&self) -> Option<String> {
        self.server.as_ref().and_then(Server::setup_url)
    }

    /// Stops the server like a signal does, and waits until it has stopped.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }

    /// Restarts the server with these flags, on another port and the same database.
    pub fn restart(&mut self, flags: &[&str]) {
        self.stop();
        let server = start_server(self.db.url(), &with_data_dir(flags, &self.data_dir));
        self.addr = server.addr();
        self.server = Some(server);
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop();
    }
}

fn with_data_dir<'a>(flags: &[&'a str], data_dir: &'a TempDir) -> Vec<&'a str> {
    let path = data_dir.path().to_str().expect("a path of tests is UTF-8");
    flags.iter().copied().chain(["--data-dir", path]).collect()
}

fn names_below(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder of files");
    let mut names: Vec<String> = entries
        .flat_map(|entry| {
            let entry = entry.expect("an entry");
            match entry.path() {
                path if path.is_dir() => names_below(&path),
                _ => vec![entry.file_name().to_string_lossy().into_owned()],
            }
        })
        .collect();
    names.sort();
    names
}

/// Starts a server on a free port, without settings from the environment.
pub fn start_server(database_url: &str, flags: &[&str]) -> Server {
    try_start_server(database_url, flags).unwrap_or_else(|error| panic!("the server does not start: {error}"))
}

/// Starts a server that may fail to start.
pub fn try_start_server(database_url: &str, flags: &[&str]) -> Result<Server, StartError> {
    let mut arguments = vec!["parlance", "--port", "0", "--database-url", database_url];
    if !flags.contains(&"--bind") {
        arguments.extend(["--bind", "127.0.0.1:0"]);
    }
    // Many servers share one Postgres here.
    arguments.extend(["--database-connections", "3"]);
    if !flags.contains(&"--data-dir") {
        arguments.extend(["--data-dir", shared_data_dir()]);
    }
    arguments.extend(flags);
    Server::start(Config::parse_from(arguments))
}

/// Migrates an empty database by starting a server on it.
pub(crate) fn run_migrations(database_url: &str) {
    start_server(database_url, &[]).stop();
}
