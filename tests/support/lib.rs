//! How to write a test here.
//!
//! A test starts a [`app::TestApp`]: a real server on a port of its own, over a database of its own, in a Postgres that
//! all tests of the binary share. It speaks to it as strangers do: [`client::TestClient`] by HTTP,
//! [`socket::TestSocket`] by WebSocket, [`http`] where the bytes themselves are the point. [`builders`] has the steps
//! that are not what a test is about. Everything blocks; two people at once are two threads.
//!
//! A test's name is a sentence about behaviour. It waits for what must happen ([`wait::until`],
//! [`socket::TestSocket::expect`]) and never sleeps. To show that something does *not* arrive, it asks the socket for a
//! `pong` and looks at what came before it ([`socket::TestSocket::settle`]).

pub mod app;
pub mod builders;
pub mod client;
pub mod db;
pub mod http;
pub mod problem;
pub mod proxy;
pub mod socket;
pub mod temp_dir;
pub mod wait;
