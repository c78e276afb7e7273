//! A circuit breaker (Nygard, "Release It!"): while the database does not answer, queries fail immediately instead of
//! waiting for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::{DbError, DbResult};

/// The number of consecutive failures that opens the circuit.
const FAILURES: u32 = 5;
/// How long an open circuit refuses all queries. Then one query is admitted as a trial.
const PAUSE: Duration = Duration::from_secs(1);

/// Decides whether a query is admitted.
#[derive(Debug)]
pub(super) struct Breaker {
    threshold: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// The time when the circuit opened, or of the latest trial.
    tried_at: Option<Instant>,
}

impl Breaker {
    /// Creates the breaker of a pool of `size` connections. If all of them hang, no further failure will be reported.
    pub(super) fn new(size: u32) -> Self {
        Self { threshold: FAILURES.min(size), state: Mutex::default() }
    }

    /// Admits a query.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] while the circuit is open.
    pub(super) fn admit(&self, now: Instant) -> DbResult<()> {
        let mut state = self.lock();
        if state.failures >= self.threshold {
            if state.tried_at.is_some_and(|tried_at| now.duration_since(tried_at) < PAUSE) {
                return Err(not_answering());
            }
            state.tried_at = Some(now);
        }
        Ok(())
    }

    /// Records the result of a query and returns it. A timeout of the pool says nothing about the database: it neither
    /// counts as a failure nor resets the count. If the circuit is open, the pool is full of queries that hang.
    pub(super) fn record<T>(&self, answer: DbResult<T>, now: Instant) -> DbResult<T> {
        let mut state = self.lock();
        match &answer {
            Err(DbError::Unavailable(_) | DbError::ConnectionLost(_) | DbError::OutcomeUnknown(_)) => {
                state.failures = state.failures.saturating_add(1);
                if state.failures == self.threshold {
                    tracing::warn!("the database does not answer: queries are refused until it does");
                }
            }
            Err(DbError::Overloaded(_)) => {}
            _ => *state = State::default(),
        }
        if state.failures < self.threshold {
            return answer;
        }
        state.tried_at = Some(now);
        match answer {
            Err(DbError::Overloaded(_)) => Err(not_answering()),
            other => other,
        }
    }

    /// No code panics while it holds this lock, so a poisoned state is consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_answering() -> DbError {
    DbError::Unavailable("the circuit is open because the database did not answer".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> DbResult<()> {
        Err(DbError::Unavailable("gone".to_owned()))
    }

    fn overload() -> DbResult<()> {
        Err(DbError::Overloaded("full".to_owned()))
    }

    fn open(now: Instant) -> Breaker {
        let breaker = Breaker::new(10);
        for _ in 0..FAILURES {
            assert!(breaker.admit(now).is_ok());
            let _ = breaker.record(failure(), now);
        }
        breaker
    }

    #[test]
    fn consecutive_failures_open_it() {
        let now = Instant::now();
        assert!(open(now).admit(now + PAUSE / 2).is_err());
    }

    #[test]
    fn as_many_failures_as_there_are_connections_open_it() {
        let (breaker, now) = (Breaker::new(2), Instant::now());
        let _ = breaker.record(failure(), now);
        assert!(breaker.admit(now).is_ok());
        let _ = breaker.record(failure(), now);
        assert!(breaker.admit(now).is_err());
    }

    #[test]
    fn any_answer_of_the_database_resets_the_count() {
        let (breaker, now) = (Breaker::new(10), Instant::now());
        for _ in 0..FAILURES * 3 {
            let _ = breaker.record(failure(), now);
            let _ = breaker.record(failure(), now);
            let _ = breaker.record(DbResult::<()>::Err(DbError::NotFound), now);
        }
        assert!(breaker.admit(now).is_ok());
    }

    #[test]
    fn overload_neither_opens_it_nor_hides_an_outage() {
        let (breaker, now) = (Breaker::new(10), Instant::now());
        for _ in 0..FAILURES * 3 {
            assert!(matches!(breaker.record(overload(), now), Err(DbError::Overloaded(_))));
        }
        assert!(breaker.admit(now).is_ok());
        for _ in 0..FAILURES {
            let _ = breaker.record(overload(), now);
            let _ = breaker.record(failure(), now);
        }
        assert!(breaker.admit(now).is_err());
        assert!(matches!(breaker.record(overload(), now), Err(DbError::Unavailable(_))));
    }

    #[test]
    fn after_a_pause_one_query_is_tried_and_its_success_closes_it() {
        let now = Instant::now();
        let breaker = open(now);
        let later = now + PAUSE;
        assert!(breaker.admit(later).is_ok());
        assert!(breaker.admit(later).is_err(), "one is enough");
        // The trial took long to fail: the pause begins at its end.
        let failed = later + PAUSE * 5;
        let _ = breaker.record(failure(), failed);
        assert!(breaker.admit(failed + PAUSE / 2).is_err());
        assert!(breaker.admit(failed + PAUSE).is_ok());
        let _ = breaker.record(Ok(()), failed + PAUSE);
        assert!(breaker.admit(failed + PAUSE).is_ok());
    }
}
