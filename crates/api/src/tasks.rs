//! What is still to be done in the rooms of users, in the background: new names are told, rooms are passed on, users who
//! deleted themselves leave, their messages are erased. Each task is a row that goes when it is done, so a restart
//! loses none.

use shared::ids::{RoomId, UserId};
use tokio::sync::{Mutex, Notify};

use crate::db::user_tasks::{self, StoredTask, Task};
use crate::db::{Db, DbError, DbResult, members, room_audit};
use crate::rooms::error::RoomError;
use crate::rooms::{self, succession};
use crate::writer::{WriteError, Writer};

/// How many messages one transaction erases: few enough not to delay others in the room.
const ERASE_BATCH: i64 = 200;

/// Runs the tasks, one at a time.
#[derive(Default)]
pub struct Tasks {
    stored: Notify,
    running: Mutex<()>,
}

impl Tasks {
    /// Says that a task was stored, so that it is done soon.
    pub fn wake(&self) {
        self.stored.notify_one();
    }

    /// Waits until a task was stored.
    pub async fn stored(&self) {
        self.stored.notified().await;
    }

    /// Does all tasks that are stored.
    ///
    /// # Errors
    /// If the database does not answer. The tasks stay.
    pub async fn run(&self, db: &Db, writer: &Writer) -> DbResult<()> {
        self.run_those(db, writer, |_| true).await
    }

    /// Takes a user who deleted themselves out of their rooms now. What fails is done later.
    pub async fn finish(&self, db: &Db, writer: &Writer, user: UserId) {
        let is_leaving = |task: &StoredTask| task.user == user && task.task == Task::Leave;
        if let Err(error) = self.run_those(db, writer, is_leaving).await {
            tracing::warn!(%error, "a deleted user leaves their rooms later");
        }
        self.wake();
    }

    async fn run_those(
        &self,
        db: &Db,
        writer: &Writer,
        is_wanted: impl Fn(&StoredTask) -> bool,
    ) -> DbResult<()> {
        let _running = self.running.lock().await;
        let tasks = db.run(user_tasks::list).await?;
        for stored in tasks.into_iter().filter(is_wanted) {
            perform(db, writer, &stored).await?;
            db.write(move |conn| user_tasks::delete(conn, &stored)).await?;
        }
        Ok(())
    }
}

/// Does one task in all rooms that it concerns.
async fn perform(db: &Db, writer: &Writer, stored: &StoredTask) -> DbResult<()> {
    let StoredTask { user, task, .. } = *stored;
    let with_former = task == Task::Erase;
    let rooms = db.run(move |conn| members::rooms_of(conn, user, with_former)).await?;
    for room_id in rooms {
        match task {
            Task::Rename => {
                let change = writer.change(room_id, move |conn, now| {
                    rooms::members::user_changed(conn, room_id, user, now)
                });
                in_room(change.await)?;
            }
            Task::PassOn => pass_on(writer, room_id, user).await?,
            Task::Leave => {
                let change = writer
                    .change(room_id, move |conn, now| succession::depart(conn, room_id, user, now));
                in_room(change.await)?;
            }
            Task::Erase => {
                let mut has_more = true;
                while has_more {
                    let erase = writer.change(room_id, move |conn, now| {
                        rooms::messages::erase(conn, room_id, user, ERASE_BATCH, now)
                    });
                    has_more = in_room(erase.await)?.unwrap_or(false);
                }
            }
        }
    }
    if task == Task::Erase {
        db.write(move |conn| room_audit::clear_words_of(conn, user)).await?;
    }
    Ok(())
}

/// Passes a room on if its last owner cannot act any more.
///
/// # Errors
/// If the database does not answer.
pub async fn pass_on(writer: &Writer, room_id: RoomId, owner: UserId) -> DbResult<()> {
    let change =
        writer.change(room_id, move |conn, now| succession::pass_on(conn, room_id, owner, now));
    in_room(change.await).map(|_| ())
}

/// The result of a step. A room that was deleted meanwhile needs none.
fn in_room<T>(result: Result<T, WriteError>) -> DbResult<Option<T>> {
    match result.map_err(RoomError::from) {
        Ok(value) => Ok(Some(value)),
        Err(RoomError::Refused(refusal)) => {
            tracing::debug!(code = refusal.code.name(), "a task does not concern a room any more");
            Ok(None)
        }
        Err(RoomError::Db(error)) => Err(error),
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
