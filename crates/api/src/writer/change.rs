//! A change to a room, as it travels to its writer, and its outcome.

use shared::ids::{MessageId, RoomId, UserId};
use shared::messages::{Message, MessageText};
use shared::rooms::{Room, RoomName};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::db::DbError;
use crate::db::messages::{NewMessage, Stored};
use crate::db::rooms::{NewRoom, StoredRoom};

/// Why a change was not made.
#[derive(Debug, Error)]
pub enum WriteError {
    /// There is no such room.
    #[error("no such room")]
    NoRoom,
    /// There is no such message in the room.
    #[error("no such message")]
    NoMessage,
    /// The message is a tombstone.
    #[error("the message is deleted")]
    MessageDeleted,
    /// The message belongs to another user.
    #[error("not the author")]
    NotAuthor,
    /// The room belongs to another user.
    #[error("not the room's owner")]
    NotRoomOwner,
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

/// The result of a change.
pub type WriteResult<T> = Result<T, WriteError>;

pub(super) type Reply<T> = oneshot::Sender<WriteResult<T>>;

/// A change on its way to its writer.
pub(super) enum Change {
    CreateRoom(NewRoom, Reply<StoredRoom>),
    CreateMessage(NewMessage, Reply<Stored>),
    UpdateMessage {
        room_id: RoomId,
        id: MessageId,
        by: UserId,
        text: Option<MessageText>,
        reply: Reply<Message>,
    },
    DeleteMessage {
        room_id: RoomId,
        id: MessageId,
        by: UserId,
        reply: Reply<()>,
    },
    UpdateRoom {
        id: RoomId,
        by: UserId,
        name: Option<RoomName>,
        reply: Reply<Room>,
    },
    DeleteRoom {
        id: RoomId,
        by: UserId,
        reply: Reply<()>,
    },
}

impl Change {
    /// The room that it changes, and the doubt that an unknown outcome causes.
    pub(super) fn doubt(&self) -> (RoomId, Doubt) {
        match self {
            Self::CreateRoom(new, _) => (new.id, Doubt::Creation),
            Self::CreateMessage(new, _) => (new.room_id, Doubt::Message),
            Self::UpdateMessage { room_id, .. } | Self::DeleteMessage { room_id, .. } => {
                (*room_id, Doubt::Message)
            }
            Self::UpdateRoom { id, .. } | Self::DeleteRoom { id, .. } => (*id, Doubt::Room),
        }
    }
}

/// What kind of change may be unpublished, which determines who must receive it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doubt {
    /// A change to a message: followers of the room.
    Message,
    /// A change to the room: everybody.
    Room,
    /// The room's creation: everybody.
    Creation,
}
