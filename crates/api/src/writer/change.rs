//! The outcome of a change, and the doubt about one.

use thiserror::Error;
use tokio::sync::oneshot;

use crate::db::DbError;
use crate::rooms::error::{Refusal, RoomError};

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

impl From<WriteError> for RoomError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => Self::Refused(refusal),
            WriteError::QueueFull => Self::Db(DbError::Overloaded("the writer's queue is full".to_owned())),
            WriteError::OutcomeUnknown => {
                Self::Db(DbError::OutcomeUnknown("the writer does not know".to_owned()))
            }
            WriteError::Db(error) => Self::Db(error),
        }
    }
}

/// The result of a change.
pub type WriteResult<T> = Result<T, WriteError>;

pub(super) type Reply<T> = oneshot::Sender<WriteResult<T>>;

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
