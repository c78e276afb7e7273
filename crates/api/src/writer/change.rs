//! A change to a room, as it travels to its writer, and its outcome.

use shared::ids::RoomId;
use thiserror::Error;
use tokio::sync::oneshot;

use super::worker::Worker;
use crate::db::DbError;
use crate::db::messages::NewMessage;
use crate::rooms::error::{Refusal, RoomError};
use crate::rooms::messages::Sent;

/// Why a change was not made.
#[derive(Debug, Error)]
pub enum WriteError {
    /// It is refused.
    #[error("refused: {}", .0.code.name())]
    Refused(Refusal),
    /// Too many changes are waiting; nothing was done.
    #[error("the queue is full")]
    QueueFull,
    /// The connection broke or the database does not answer: the change may or may not be stored.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
    /// An error of the database; nothing was done.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<RoomError> for WriteError {
    fn from(error: RoomError) -> Self {
        match error {
            RoomError::Refused(refusal) => Self::Refused(refusal),
            RoomError::Db(error) => Self::Db(error),
        }
    }
}

/// The result of a change.
pub type WriteResult<T> = Result<T, WriteError>;

pub(super) type Reply<T> = oneshot::Sender<WriteResult<T>>;

/// A change on its way to its writer.
pub(super) enum Change {
    /// A new message. Consecutive ones share a commit.
    Message(NewMessage, Reply<Sent>),
    /// Any other change: a transaction, which is published and answered by the closure.
    Transaction(RoomId, Doubt, Box<dyn FnOnce(&mut Worker) + Send>),
    /// Another process changed the room: publish what is not published.
    CatchUp(RoomId),
}

impl Change {
    /// The room that it changes, and the doubt that an unknown outcome causes.
    pub(super) fn doubt(&self) -> (RoomId, Doubt) {
        match self {
            // It may join the room.
            Self::Message(new, _) => (new.room_id, Doubt::Room),
            Self::Transaction(room_id, doubt, _) => (*room_id, *doubt),
            Self::CatchUp(room_id) => (*room_id, Doubt::Room),
        }
    }
}

/// What kind of change may be unpublished, which determines who must receive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    /// A change to a message: followers of the room.
    Message,
    /// A change to the room or its members: everybody who may see it.
    Room,
    /// The room's creation: everybody who may see it.
    Creation,
}
