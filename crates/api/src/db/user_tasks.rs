//! What is still to be done in the rooms of a user. A task is stored with what causes it, so that it is finished even
//! after a restart.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::UserId;
use uuid::Uuid;

use super::DbResult;
use super::schema::user_tasks;

/// A task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// The user has another name or picture: each membership changes.
    Rename,
    /// The guest has an account now: each membership changes, and with it what they may do.
    Upgrade,
    /// The user was disabled: rooms whose last owner they are pass on.
    PassOn,
    /// The user deleted themselves: they leave all rooms.
    Leave,
    /// The messages of the user are erased.
    Erase,
}

impl Task {
    fn name(self) -> &'static str {
        match self {
            Self::Rename => "rename",
            Self::Upgrade => "upgrade",
            Self::PassOn => "pass_on",
            Self::Leave => "leave",
            Self::Erase => "erase",
        }
    }

    /// A check constraint excludes other names.
    fn from_name(name: &str) -> Self {
        match name {
            "rename" => Self::Rename,
            "upgrade" => Self::Upgrade,
            "pass_on" => Self::PassOn,
            "leave" => Self::Leave,
            _ => Self::Erase,
        }
    }
}

/// A stored task.
#[derive(Clone, Copy, Debug)]
pub struct StoredTask {
    /// The user.
    pub user: UserId,
    /// What is to be done.
    pub task: Task,
    /// Grows when it is asked for again.
    pub version: i64,
}

/// Stores a task, in the transaction of its cause.
pub fn create(conn: &mut PgConnection, user: UserId, task: Task) -> DbResult<()> {
    diesel::insert_into(user_tasks::table)
        .values((user_tasks::user_id.eq(user.0), user_tasks::task.eq(task.name())))
        .on_conflict((user_tasks::user_id, user_tasks::task))
        .do_update()
        .set(user_tasks::version.eq(user_tasks::version + 1))
        .execute(conn)?;
    Ok(())
}

/// All tasks. Users leave before their messages are erased.
pub fn list(conn: &mut PgConnection) -> DbResult<Vec<StoredTask>> {
    let rows: Vec<(Uuid, String, i64)> = user_tasks::table
        .order((user_tasks::task.desc(), user_tasks::user_id))
        .select((user_tasks::user_id, user_tasks::task, user_tasks::version))
        .load(conn)?;
    let task = |(user, task, version): (Uuid, String, i64)| StoredTask {
        user: UserId(user),
        task: Task::from_name(&task),
        version,
    };
    Ok(rows.into_iter().map(task).collect())
}

/// Deletes a task that is done, unless it was asked for again meanwhile.
pub fn delete(conn: &mut PgConnection, done: &StoredTask) -> DbResult<()> {
    let row = user_tasks::table.find((done.user.0, done.task.name()));
    diesel::delete(row.filter(user_tasks::version.eq(done.version))).execute(conn)?;
    Ok(())
}
