//! How to write a test.
//!
//! A test starts a [`app::TestApp`]: a server with its own port and its own database, in a Postgres that all tests of
//! the binary share. It uses only the public interfaces: [`client::TestClient`] for HTTP, [`socket::TestSocket`] for
//! connections by WebSocket or by another [`transport`], and [`http`] for raw bytes. [`builders`] has common steps. All calls block; concurrent clients are
//! threads.
//!
//! A test's name is a sentence about behaviour. It waits for what must happen ([`wait::until`],
//! [`socket::TestSocket::expect`]) and never sleeps. To show that something does *not* arrive, it asks the socket for a
//! `pong` and checks the events before it ([`socket::TestSocket::settle`]).

pub mod app;
pub mod builders;
pub mod client;
pub mod db;
pub mod files;
pub mod http;
pub mod membership;
pub mod problem;
pub mod proxy;
pub mod socket;
pub mod stream;
pub mod temp_dir;
pub mod transport;
pub mod wait;
