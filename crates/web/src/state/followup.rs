//! What events leave to be done.
//!
//! Pure.

use shared::errors::ErrorCode;
use shared::ids::{Rev, RoomId};
use shared::members::RemovalReason;

/// What remains to be done after an event came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followup {
    /// Changes were missed: ask for all after `since`.
    CatchUp {
        /// The room.
        room_id: RoomId,
        /// The last change that the client has.
        since: Rev,
    },
    /// A room appeared: follow it.
    Follow(RoomId),
    /// The server refused a command about a room.
    Refused {
        /// The room.
        room_id: RoomId,
        /// Why.
        code: ErrorCode,
    },
    /// A room is gone.
    Gone {
        /// The room.
        room_id: RoomId,
        /// What it was called.
        name: String,
        /// Why.
        reason: RemovalReason,
        /// How many messages to it were not sent yet.
        lost: usize,
    },
}
