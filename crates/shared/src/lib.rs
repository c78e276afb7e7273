//! The Parlance protocol, typed once for the server, the browser and any Rust client.
//!
//! Everything that crosses the wire lives here: ids, DTOs with their limits and URL paths, events, error codes.
//! This crate knows no I/O, no database and no browser; it compiles for wasm32 and for the host.
//! Read it in the order of the modules below.

pub mod ids;
pub mod timestamp;

#[cfg(feature = "openapi")]
mod schema;

pub mod text;

pub mod users;

pub mod rooms;

pub mod messages;

pub mod page;

pub mod events;

pub mod errors;

pub mod server;
