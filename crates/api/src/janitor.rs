//! Background tasks: the hub's timer, what other processes did, and cleaning up.

use std::collections::HashSet;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use futures_util::FutureExt;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::app::App;
use crate::db;
use crate::realtime::hub::TICK;
use crate::sessions::IDLE_LIFETIME;
use crate::tasks;

/// How often expired sessions and deleted rooms are cleaned up.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(60);
/// How often the deletion of signed-out sessions is retried after the database did not answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How many messages of a deleted room one statement deletes: few enough not to delay other statements.
const PURGE_BATCH: i64 = 5_000;
/// How long a file waits for a message that takes it.
const UNCLAIMED_LIFETIME: TimeDelta = TimeDelta::days(1);
/// How many files are deleted at once.
const FILE_BATCH: i64 = 500;
/// How often rooms are passed on whose last owner is a guest who cannot come back.
const SUCCESSION_INTERVAL: Duration = Duration::from_secs(600);
/// How far reads of the changes of other processes overlap: longer than a transaction takes.
const EVENT_OVERLAP: Duration = Duration::from_secs(30);
/// How many seconds those are kept.
const KEPT_SECONDS: i32 = 3_600;
/// The pause before a task that ended is restarted.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Runs a task as long as the server runs. A task that panics or ends is logged and restarted.
pub async fn supervise<Task: Future<Output = ()>>(name: &str, start: impl Fn() -> Task) {
    loop {
        // State that the task shares with others is behind locks that survive a panic.
        match AssertUnwindSafe(start()).catch_unwind().await {
            Ok(()) => tracing::error!(name, "a background task ended; restarting it"),
            Err(_) => tracing::error!(name, "a background task panicked; restarting it"),
        }
        tokio::time::sleep(RESTART_PAUSE).await;
    }
}

/// Calls [`crate::realtime::hub::Hub::tick`] at its interval.
pub async fn tick(app: Arc<App>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        app.hub.tick(Instant::now());
    }
}

/// Does what takes long: the tasks of users, rooms that are passed on, and rows of deleted rooms. Nothing that must happen
/// within moments waits for it.
pub async fn work(app: Arc<App>) {
    let (mut cleanups, mut retries) = (interval(CLEANUP_INTERVAL), interval(RETRY_INTERVAL));
    let mut successions = interval(SUCCESSION_INTERVAL);
    for timer in [&mut cleanups, &mut retries, &mut successions] {
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        tokio::select! {
            () = app.tasks.stored() => run_tasks(&app).await,
            _ = retries.tick() => run_tasks(&app).await,
            _ = successions.tick() => pass_on_abandoned_rooms(&app).await,
            _ = cleanups.tick() => {
                purge_deleted_rooms(&app).await;
                delete_files(&app).await;
            }
        }
    }
}

/// Deletes expired sessions, and follows what other processes did.
pub async fn clean(app: Arc<App>) {
    let (mut cleanups, mut retries) = (interval(CLEANUP_INTERVAL), interval(RETRY_INTERVAL));
    let mut rooms = FollowedRooms::default();
    cleanups.set_missed_tick_behavior(MissedTickBehavior::Delay);
    retries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = cleanups.tick() => delete_expired_sessions(&app).await,
            _ = retries.tick() => {
                rooms.follow(&app).await;
                app.hub.end_expired(chrono::Utc::now());
                if let Err(error) = app.sessions.follow_events().await {
                    tracing::debug!(%error, "the events of other servers cannot be read yet");
                }
                if let Err(error) = app.sessions.retry_deletions().await {
                    tracing::debug!(%error, "signed-out sessions cannot be deleted yet");
                }
            }
        }
    }
}

async fn run_tasks(app: &App) {
    if let Err(error) = app.tasks.run(&app.db, &app.writer).await {
        tracing::debug!(%error, "tasks of users are done later");
    }
}

/// What other processes on this database changed in rooms, as far as it was published.
struct FollowedRooms {
    /// When the events were last read.
    at: Instant,
    /// Those that were published. Each is published once, although reads overlap.
    published: HashSet<Uuid>,
}

impl Default for FollowedRooms {
    fn default() -> Self {
        Self { at: Instant::now(), published: HashSet::new() }
    }
}

impl FollowedRooms {
    /// Publishes what is not published.
    async fn follow(&mut self, app: &App) {
        let started_at = Instant::now();
        let since = started_at.duration_since(self.at) + EVENT_OVERLAP;
        let seconds = i32::try_from(since.as_secs()).unwrap_or(i32::MAX);
        match app.db.run(move |conn| db::room_events::list(conn, seconds)).await {
            Ok(events) => {
                let mut is_whole = true;
                for (id, room_id) in &events {
                    // What finds the queue full is tried again.
                    if !self.published.contains(id) && app.writer.catch_up(*room_id).is_ok() {
                        self.published.insert(*id);
                    }
                    is_whole &= self.published.contains(id);
                }
                if is_whole {
                    self.at = started_at;
                    self.published.retain(|id| events.iter().any(|(known, _)| known == id));
                }
            }
            Err(error) => tracing::debug!(%error, "the changes of other processes cannot be read yet"),
        }
    }
}

/// Passes on the rooms whose last owner is a guest without a session, who cannot come back.
async fn pass_on_abandoned_rooms(app: &App) {
    let session_since = Utc::now() - IDLE_LIFETIME;
    let found = app.db.run(move |conn| db::succession::abandoned_rooms(conn, session_since)).await;
    let passed = async {
        for (room_id, owner) in found? {
            tasks::pass_on(&app.writer, room_id, owner).await?;
        }
        Ok::<_, db::DbError>(())
    };
    if let Err(error) = passed.await {
        tracing::warn!(%error, "abandoned rooms are passed on later");
    }
}

async fn delete_expired_sessions(app: &App) {
    if let Err(error) = app.db.write(|conn| db::room_events::delete_old(conn, KEPT_SECONDS)).await {
        tracing::warn!(%error, "old events cannot be deleted yet");
    }
    if let Err(error) = app.db.write(db::identity_events::delete_old).await {
        tracing::warn!(%error, "old events cannot be deleted yet");
    }
    if let Err(error) = app.sessions.delete_expired().await {
        tracing::warn!(%error, "expired sessions cannot be deleted yet");
    }
}

/// Deletes the files that no message took, and then the bytes of all files whose rows are gone.
async fn delete_files(app: &App) {
    let deleted = async {
        let now = Utc::now();
        let before = now - UNCLAIMED_LIFETIME;
        let delete =
            move |conn: &mut db::Conn| db::attachments::delete_unclaimed(conn, before, FILE_BATCH, now);
        if app.db.run(move |conn| db::attachments::has_unclaimed(conn, before)).await? {
            app.db.write(move |conn| db::transaction(conn, delete)).await?;
        }
        loop {
            let due = app.db.run(move |conn| db::file_deletions::list_due(conn, now, FILE_BATCH)).await?;
            if due.is_empty() {
                return Ok(());
            }
            let mut deleted = Vec::with_capacity(due.len());
            for key in due {
                match app.files.store.delete(&key).await {
                    Ok(()) => deleted.push(key),
                    Err(error) => tracing::warn!(%error, "a file is deleted later"),
                }
            }
            if deleted.is_empty() {
                return Ok(());
            }
            app.db.write(move |conn| db::file_deletions::finish(conn, &deleted)).await?;
        }
    };
    if let Err(error) = deleted.await {
        let error: db::DbError = error;
        tracing::warn!(%error, "files are deleted later");
    }
}

async fn purge_deleted_rooms(app: &App) {
    loop {
        match app.db.write(|conn| db::rooms::purge(conn, PURGE_BATCH)).await {
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, "deleted rooms cannot be purged yet");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_task_that_panics_or_ends_is_restarted() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let starts = Cell::new(0);
        let third = tokio::sync::Notify::new();
        let task = || {
            starts.set(starts.get() + 1);
            let number = starts.get();
            let third = &third;
            async move {
                match number {
                    1 => panic!("the first time, for the test"),
                    2 => {}
                    _ => {
                        third.notify_one();
                        std::future::pending().await
                    }
                }
            }
        };
        runtime.block_on(async {
            tokio::select! {
                () = supervise("test", task) => unreachable!("it never returns"),
                () = third.notified() => {}
            }
        });
        assert_eq!(starts.get(), 3);
    }
}
