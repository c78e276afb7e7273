//! Background work: the hub's clock, and clearing away what is over.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::db;
use crate::realtime::hub::TICK;

/// How often the janitor looks for what is over.
const ROUND: Duration = Duration::from_secs(60);
/// How often it retries to delete sessions that were signed out while the database did not answer.
const RETRY: Duration = Duration::from_secs(1);
/// How many messages of a deleted room go at once: few enough not to delay anything else.
const PURGE_AT_ONCE: i64 = 5_000;
/// How long a task that panicked waits before it starts again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Runs a task for as long as the server runs: when it panics or ends, that is logged and it starts again.
pub async fn supervise<Task: Future<Output = ()>>(name: &str, start: impl Fn() -> Task) {
    loop {
        // What the task shares with others is behind locks that survive a panic.
        match AssertUnwindSafe(start()).catch_unwind().await {
            Ok(()) => tracing::error!(name, "a background task ended; it starts again"),
            Err(_) => tracing::error!(name, "a background task panicked; it starts again"),
        }
        tokio::time::sleep(RESTART_PAUSE).await;
    }
}

/// Moves the hub's clock.
pub async fn keep_time(app: Arc<App>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        app.hub.tick(Instant::now());
    }
}

/// Clears away sessions that are over and the rows of deleted rooms.
pub async fn clean(app: Arc<App>) {
    let (mut rounds, mut retries) = (interval(ROUND), interval(RETRY));
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    retries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = rounds.tick() => {
                delete_expired_sessions(&app).await;
                purge_deleted_rooms(&app).await;
            }
            _ = retries.tick() => {
                if let Err(error) = app.sessions.retry_deletions().await {
                    tracing::debug!(%error, "signed-out sessions cannot be deleted yet");
                }
            }
        }
    }
}

async fn delete_expired_sessions(app: &App) {
    if let Err(error) = app.sessions.delete_expired().await {
        tracing::warn!(%error, "expired sessions cannot be deleted yet");
    }
}

async fn purge_deleted_rooms(app: &App) {
    loop {
        match app.db.write(|conn| db::rooms::purge(conn, PURGE_AT_ONCE)).await {
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
    fn a_task_that_panics_or_ends_starts_again() {
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
