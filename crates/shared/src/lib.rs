//! The types of the Parlance protocol, shared by the server, the web client and other Rust clients.
//!
//! It contains everything that is sent over the network: ids, DTOs with their limits and URL paths, events, error codes.
//! It depends on no I/O, database or browser, and compiles for wasm32 and for the host.
//! The modules below are in reading order.

pub mod ids;
pub mod timestamp;

#[cfg(feature = "openapi")]
mod schema;

pub mod text;

pub mod users;

pub mod sessions;

pub mod tokens;

pub mod admin;

pub mod rooms;

pub mod read_marks;

pub mod members;

pub mod bans;

pub mod invites;

pub mod audit;

pub mod files;

pub mod stored;

pub mod formatting;

pub mod excerpts;

pub mod reactions;

pub mod replies;

pub mod messages;

pub mod edits;

pub mod pins;

pub mod page;

pub mod events;

pub mod streams;

pub mod errors;

pub mod server;
