//! How an event travels: a writer commits a change and publishes its event; the hub makes one WebSocket frame of it
//! and puts that same frame into the outbox of everybody who should see it; each worker thread's postman sends what
//! its outboxes hold, several frames a write. Whoever does not empty their outbox is closed with 4408 and resumes by
//! `since`; nobody waits for them.
//!
//! Nothing here knows the database. [`hub`], [`outbox`] and [`frame`] know no HTTP either.

pub mod frame;
pub mod hub;
pub mod newest;
pub mod outbox;
pub mod postman;
mod room;
