//! The HTTP and WebSocket contract, tried by a stranger: what DESIGN.md promises, one file per topic.

mod changes;
mod concurrency;
mod database;
mod errors;
mod faults;
mod frames;
mod guests;
mod limits;
mod messages;
mod newest;
mod outcomes;
mod overload;
mod page;
mod pagination;
mod presence;
mod program;
mod repeats;
mod resume;
mod room_outcomes;
mod room_repeats;
mod rooms;
mod server;
mod shape;
mod socket;
