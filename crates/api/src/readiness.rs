//! The readiness check: one ping of the database at a time, shared by all callers.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::db::{DbError, DbResult};

/// How long the result of a ping is reused.
const REUSED_FOR: Duration = Duration::from_secs(1);
/// How long a ping may take: health checks usually time out after a few seconds.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// The result of the latest ping.
#[derive(Default)]
pub struct Readiness {
    /// Locked during a ping, so that callers who wait for it share its result.
    latest: Mutex<Option<Answer>>,
}

struct Answer {
    came_at: Instant,
    /// Why the database is not ready.
    error: Option<String>,
}

impl Readiness {
    /// Checks that the database answers a `ping`, or answered one within the last second.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] if it does not, or not in time.
    pub async fn check<Ping>(&self, ping: impl FnOnce() -> Ping) -> DbResult<()>
    where
        Ping: Future<Output = DbResult<()>>,
    {
        let mut latest = self.latest.lock().await;
        let error = match latest.as_ref().filter(|answer| answer.came_at.elapsed() < REUSED_FOR) {
            Some(answer) => answer.error.clone(),
            None => {
                let error = match timeout(PING_TIMEOUT, ping()).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(_) => Some("the ping timed out".to_owned()),
                };
                *latest = Some(Answer { came_at: Instant::now(), error: error.clone() });
                error
            }
        };
        error.map_or(Ok(()), |error| Err(DbError::Unavailable(error)))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;

    use super::*;

    #[test]
    fn concurrent_checks_share_a_ping() {
        for (answer, is_ready) in [(Ok(()), true), (Err(()), false)] {
            let (readiness, pings) = (Readiness::default(), Cell::new(0));
            let check = || {
                readiness.check(|| async {
                    pings.set(pings.get() + 1);
                    // All other checks begin before this one is answered.
                    tokio::task::yield_now().await;
                    answer.map_err(|()| DbError::Unavailable("gone".to_owned()))
                })
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let answers = runtime.block_on(join_all((0..100).map(|_| check())));
            assert!(answers.iter().all(|answer| answer.is_ok() == is_ready));
            assert_eq!(pings.get(), 1);
        }
    }
}
