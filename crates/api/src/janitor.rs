//! What is done now and then: the hub's clock, and clearing away what is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::db;
use crate::realtime::hub::TICK;

/// How often the janitor looks for what is over.
const ROUND: Duration = Duration::from_secs(60);
/// How many messages of a deleted room go at once: few enough to be in nobody's way.
const PURGE_AT_ONCE: i64 = 5_000;

/// Moves the hub's clock for as long as the server runs.
pub async fn keep_time(app: Arc<App>) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        app.hub.tick(Instant::now());
    }
}

/// Clears away sessions that ran out, the rows of deleted rooms, and quiet rate limits, for as long as the server runs.
pub async fn clean(app: Arc<App>) {
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        app.limits.forget_the_quiet();
        if let Err(error) = app.sessions.delete_expired().await {
            tracing::warn!(%error, "old sessions stay for now");
        }
        loop {
            match app.db.write(|conn| db::rooms::purge(conn, PURGE_AT_ONCE)).await {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "deleted rooms stay for now");
                    break;
                }
            }
        }
    }
}
