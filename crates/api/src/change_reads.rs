//! Reads of what changed in rooms. Many clients may wait for the same change: those that ask the same share a query.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use shared::errors::ErrorCode;
use shared::ids::{Rev, RoomId, UserId};
use shared::messages::Changes;
use shared::rooms::Room;

use crate::clock;
use crate::db::changes::Changed;
use crate::db::replies::Beside;
use crate::db::{self, Conn, Db, DbError, DbResult, Reader};
use crate::error::{AppError, AppResult};
use crate::policy::Principal;

/// What is read, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRead {
    /// The reader.
    pub by: Principal,
    /// The room.
    pub room_id: RoomId,
    /// Changes after this one are read.
    pub since: Rev,
    /// The maximal number of messages and memberships.
    pub limit: u32,
}

/// A read may be shared by those who were woken by the same change: it begins after that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    user: Option<UserId>,
    room_id: RoomId,
    since: Rev,
    limit: u32,
    published: Option<Rev>,
}

type Answer = AppResult<Arc<Changes>>;

/// The reads that are under way.
pub struct ChangeReads {
    db: Db,
    reads: Mutex<HashMap<Key, WeakShared<BoxFuture<'static, Answer>>>>,
}

impl ChangeReads {
    /// Creates the reads on top of `db`.
    pub fn new(db: Db) -> Self {
        Self { db, reads: Mutex::default() }
    }

    /// Reads changes.
    ///
    /// # Errors
    /// 404 for a room that is unknown or hidden from the reader, 503 if the database does not answer.
    pub async fn read(&self, read: ChangeRead) -> AppResult<Changes> {
        answer(self.db.run(move |conn| read_changes(conn, read)).await)
    }

    /// Reads changes after `published` was published in the room, together with others who read the same.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub async fn read_together(&self, read: ChangeRead, published: Option<Rev>) -> Answer {
        let ChangeRead { by, room_id, since, limit } = read;
        let key = Key { user: by.id, room_id, since, limit, published };
        self.join(key, read).await
    }

    fn join(&self, key: Key, read: ChangeRead) -> Shared<BoxFuture<'static, Answer>> {
        // No code panics while it holds this lock, so a poisoned state is consistent.
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = reads.get(&key).and_then(WeakShared::upgrade) {
            return shared;
        }
        reads.retain(|_, read| read.upgrade().is_some());
        let db = self.db.clone();
        let query = async move { answer(db.run(move |conn| read_changes(conn, read)).await).map(Arc::new) };
        let shared = query.boxed().shared();
        reads.extend(shared.downgrade().map(|weak| (key, weak)));
        shared
    }
}

fn read_changes(conn: &mut Conn, read: ChangeRead) -> DbResult<Changes> {
    let ChangeRead { by, room_id, since, limit } = read;
    let found = db::changes::list(conn, Reader::Client(by), room_id, Some(since), limit as usize)?;
    let viewer = db::members::viewer(conn, &found.room.clone().into(), by.id, clock::now())?;
    let room = Room { viewer: Some(viewer), ..Room::from(found.room) };
    let rev = found.changed.last().filter(|_| found.has_more).map_or(room.rev, Changed::rev);
    let (mut messages, mut members) = (Vec::new(), Vec::new());
    let mut all = Beside::default();
    for changed in found.changed {
        match changed {
            Changed::Message { message, beside, .. } => {
                all.extend(*beside);
                messages.push(message);
            }
            Changed::Member(member) => members.push(member.change),
        }
    }
    let Beside { context, mine } = all;
    Ok(Changes { room, messages, context, mine, members, rev, has_more: found.has_more })
}

fn answer(result: DbResult<Changes>) -> AppResult<Changes> {
    result.map_err(|error| match error {
        DbError::NotFound => AppError::new(ErrorCode::RoomNotFound),
        other => other.into(),
    })
}
