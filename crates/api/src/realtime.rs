//! How an event travels: a writer commits a change and publishes its event; the hub encodes the event once and puts
//! that frame into the outbox of everybody who should see it; the response body of each socket takes frames from its
//! outbox. A connection that does not empty its outbox is closed with 4408 and resumes by `since`; nobody waits for it.
//!
//! Nothing here knows the database, the web framework or a transport but for the encoding of [`frame`].
//!
//! - [`admission`]: how many connections there may be.
//! - [`directory`]: who is connected, and follows which rooms.
//! - `presence`, `typing`: who is in a room, and who types there.
//! - `room`: one room's followers, and delivery to them in the order of its changes.
//! - [`outbox`], [`budget`]: what waits for a connection, and its bounds.
//! - [`newest`]: the page that most requests ask for.
//! - `delivery`: publishing an event.
//! - [`hub`]: the lock around these, and their only door.

pub mod admission;
pub mod budget;
pub mod connection;
mod delivery;
pub mod directory;
pub mod frame;
pub mod hub;
pub mod newest;
pub mod outbox;
mod presence;
mod room;
mod typing;
