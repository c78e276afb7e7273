//! What is still to be done in the rooms of users, in the background: new names are told, rooms are passed on, users who
//! deleted themselves leave, their messages are erased. Each task is a row that goes when it is done, so a restart
//! loses none.

use shared::ids::{RoomId, Seq, UserId};
use tokio::sync::Notify;

use crate::db::messages::ids_of_author;
use crate::db::user_tasks::{self, StoredTask, Task};
use crate::db::{Conn, Db, DbResult, bans, members, reactions, room_audit};
use crate::rooms::error::RoomError;
use crate::rooms::{self, succession};
use crate::writer::{WriteError, Writer};

/// How many messages one transaction erases: few enough not to delay others in the room.
const ERASE_BATCH: usize = 200;
/// How many messages of a room are looked through at once.
const ERASE_RANGE: i64 = 5_000;

/// Runs the tasks.
#[derive(Default)]
pub struct Tasks {
    stored: Notify,
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

    /// Does all tasks that are stored. One that fails is done later.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn run(&self, db: &Db, writer: &Writer) -> DbResult<()> {
        for stored in db.run(user_tasks::list).await? {
            if let Err(error) = perform(db, writer, &stored).await {
                tracing::warn!(%error, task = ?stored.task, "a task of a user is done later");
            } else {
                db.write(move |conn| user_tasks::delete(conn, &stored)).await?;
            }
        }
        Ok(())
    }

    /// Takes a user who deleted themselves out of their rooms now. What fails is done later.
    pub async fn finish(&self, db: &Db, writer: &Writer, user: UserId) {
        let leave = StoredTask { user, task: Task::Leave, version: 0 };
        if let Err(error) = perform(db, writer, &leave).await {
            tracing::warn!(%error, "a deleted user leaves their rooms later");
        }
        self.wake();
    }
}

/// Does one task in all rooms that it concerns.
async fn perform(db: &Db, writer: &Writer, stored: &StoredTask) -> DbResult<()> {
    let StoredTask { user, task, .. } = *stored;
    let with_former = task == Task::Erase;
    let rooms = db.run(move |conn| members::rooms_of(conn, user, with_former)).await?;
    for room_id in rooms {
        match task {
            Task::Rename | Task::Upgrade => {
                let change = writer.change(room_id, move |conn, attempt| {
                    rooms::members::user_changed(conn, room_id, user, task == Task::Upgrade, attempt)
                });
                in_room(change.await)?;
            }
            Task::PassOn => pass_on(writer, room_id, user).await?,
            Task::Leave => {
                let change = writer
                    .change(room_id, move |conn, attempt| succession::depart(conn, room_id, user, attempt));
                in_room(change.await)?;
            }
            Task::Erase => {
                let mut after = Some(Seq::ZERO);
                while let Some(position) = after {
                    let find =
                        move |conn: &mut Conn| ids_of_author(conn, room_id, user, position, ERASE_RANGE);
                    let (ids, next) = db.run(find).await?;
                    for ids in ids.chunks(ERASE_BATCH) {
                        let ids = ids.to_vec();
                        let erase = writer.change(room_id, move |conn, attempt| {
                            rooms::messages::erase(conn, room_id, &ids, attempt)
                        });
                        in_room(erase.await)?;
                    }
                    after = next;
                }
            }
        }
    }
    if task == Task::Erase {
        erase_reactions(db, writer, user).await?;
        let clear = move |conn: &mut Conn| {
            bans::clear_reasons_of(conn, user)?;
            room_audit::clear_words_of(conn, user)
        };
        db.write(clear).await?;
    }
    Ok(())
}

/// Removes the reactions of a user, wherever they are.
async fn erase_reactions(db: &Db, writer: &Writer, user: UserId) -> DbResult<()> {
    loop {
        let found = db.run(move |conn| reactions::some_of_user(conn, user, ERASE_BATCH as i64)).await?;
        if found.is_empty() {
            return Ok(());
        }
        for (room_id, message_id, emoji) in found {
            let erase = writer.change(room_id, move |conn, attempt| {
                rooms::reactions::erase(conn, room_id, message_id, &emoji, user, attempt)
            });
            in_room(erase.await)?;
        }
    }
}

/// Passes a room on if its last owner cannot act any more.
///
/// # Errors
/// If the database does not answer.
pub async fn pass_on(writer: &Writer, room_id: RoomId, owner: UserId) -> DbResult<()> {
    let change =
        writer.change(room_id, move |conn, attempt| succession::pass_on(conn, room_id, owner, attempt));
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
