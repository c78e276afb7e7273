//! The path of an event: a writer commits a change and publishes its event. The hub encodes the event once and puts the
//! frame into the outboxes of all connections that should receive it. The response body of each socket or stream takes
//! frames from its outbox. A connection that does not empty its outbox is closed with 4408 and resumes by `since`; no other
//! connection waits for it.
//!
//! These modules know neither the database nor the web framework, and of the transport only the encoding in [`frame`].
//!
//! - [`admission`]: the limits of open connections.
//! - [`directory`]: the open connections and the rooms they follow.
//! - `presence`, `typing`: who is in a room, and who is typing there.
//! - `room`: the followers of a room, and delivery to them in the order of its changes.
//! - [`outbox`], [`queue`], [`budget`]: the frames that wait for a connection, and the bounds on them.
//! - [`retransmission`]: the numbered events of a stream, until the client has them.
//! - [`watch`]: waiting for changes of a room without following it.
//! - [`newest`]: the newest page of followed rooms, cached.
//! - [`publication`], `delivery`: what is published, and to whom.
//! - [`audience`]: who sees which room.
//! - [`hub`]: the public interface, with one lock around the state.

pub mod admission;
pub mod audience;
pub mod budget;
pub mod connection;
mod delivery;
pub mod directory;
pub mod frame;
pub mod hub;
pub mod newest;
pub mod outbox;
mod presence;
pub mod publication;
pub mod queue;
pub mod read_marks;
pub mod retransmission;
pub mod room;
mod sight;
mod typing;
mod wakeups;
pub mod watch;
