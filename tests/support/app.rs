//! A server under test.

use std::net::SocketAddr;

use api::config::Config;
use api::{Server, StartError};
use clap::Parser as _;
use shared::page::Page;
use shared::rooms::{ROOMS_PATH, Room};
use shared::users::CURRENT_USER_PATH;

use crate::client::TestClient;
use crate::db::TestDb;
use crate::socket::TestSocket;

/// A running server with a database of its own. Dropping it stops it.
pub struct TestApp {
    // Before the database: the server lets go of it first.
    server: Option<Server>,
    addr: SocketAddr,
    db: TestDb,
}

impl TestApp {
    /// A server as tests want it: no limits on rates.
    pub fn start() -> Self {
        Self::with(&["--rate-limits", "off"])
    }

    /// A server with these flags and nothing else set.
    pub fn with(flags: &[&str]) -> Self {
        Self::over(TestDb::new(), flags)
    }

    /// A server over a database that the test has prepared.
    pub fn over(db: TestDb, flags: &[&str]) -> Self {
        let server = start_server(db.url(), flags);
        Self { addr: server.addr(), server: Some(server), db }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its database.
    pub fn db(&self) -> &TestDb {
        &self.db
    }

    /// Somebody without a name.
    pub fn anonymous(&self) -> TestClient {
        TestClient::anonymous(self.addr)
    }

    /// A new guest.
    #[track_caller]
    pub fn guest(&self, username: &str) -> TestClient {
        TestClient::guest(self.addr, username)
    }

    /// Somebody with an account. There is no way to open one yet, so the database is told.
    #[track_caller]
    pub fn member(&self, username: &str) -> TestClient {
        let token = format!("parlance_member_{username}");
        let key = username.to_lowercase();
        self.db.execute(&format!(
            "WITH member AS (INSERT INTO users (id, username, username_key, kind, created_at) \
             VALUES (gen_random_uuid(), '{username}', '{key}', 'member', now()) RETURNING id) \
             INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at) \
             SELECT sha256('{token}'), id, now(), now() FROM member"
        ));
        let request = self.anonymous().request("GET", CURRENT_USER_PATH);
        let user = request.header("authorization", &format!("Bearer {token}")).send().expect(200).json();
        TestClient::known(self.addr, user, &token)
    }

    /// A guest called Alice and a room of theirs.
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

    /// The room that every server begins with.
    #[track_caller]
    pub fn lobby(&self) -> Room {
        let page: Page<Room> = self.anonymous().get(ROOMS_PATH).expect(200).json();
        page.items.into_iter().next().expect("the first room")
    }

    /// Stops it as a signal would and waits until it has.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }

    /// Starts it again with these flags, on another port, over the same database.
    pub fn restart(&mut self, flags: &[&str]) {
        self.stop();
        let server = start_server(self.db.url(), flags);
        self.addr = server.addr();
        self.server = Some(server);
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A server on a free port. Nothing of the environment has a say in it.
pub fn start_server(database_url: &str, flags: &[&str]) -> Server {
    try_start_server(database_url, flags).unwrap_or_else(|error| panic!("the server does not start: {error}"))
}

/// The same where it may be refused.
pub fn try_start_server(database_url: &str, flags: &[&str]) -> Result<Server, StartError> {
    let mut arguments =
        vec!["parlance", "--bind", "127.0.0.1:0", "--port", "0", "--database-url", database_url];
    // Many servers share one Postgres here.
    arguments.extend(["--database-connections", "3"]);
    arguments.extend(flags);
    Server::start(Config::parse_from(arguments))
}

/// Brings an empty database to the newest schema, as every start does.
pub(crate) fn run_migrations(database_url: &str) {
    start_server(database_url, &[]).stop();
}
