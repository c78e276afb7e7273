//! A circuit breaker (Nygard, "Release It!"): while the database does not answer, requests are refused at once instead
//! of each waiting for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::{DbError, DbResult};

/// So many failures in a row open the circuit.
const FAILURES: u32 = 5;
/// How long an open circuit refuses everything; then one request tries for all.
const PAUSE: Duration = Duration::from_secs(1);

/// Knows whether it is worth asking the database.
#[derive(Debug)]
pub(super) struct Breaker {
    threshold: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// When the circuit opened, or a request last went to try.
    tried_at: Option<Instant>,
}

impl Breaker {
    /// The breaker of a pool of `size` connections. When each of them hangs, no further failure will come.
    pub(super) fn new(size: u32) -> Self {
        Self { threshold: FAILURES.min(size), state: Mutex::default() }
    }

    /// Whether to ask now.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] while the circuit is open.
    pub(super) fn admit(&self, now: Instant) -> DbResult<()> {
        let mut state = self.lock();
        if state.failures >= self.threshold {
            if state.tried_at.is_some_and(|tried_at| now.duration_since(tried_at) < PAUSE) {
                return Err(unanswered());
            }
            state.tried_at = Some(now);
        }
        Ok(())
    }

    /// Learns from an answer and passes it on. A wait for the pool says nothing about the database: it neither counts
    /// as a failure nor ends a row of them. But where the circuit is open, the pool is full of queries that hang.
    pub(super) fn judge<T>(&self, answer: DbResult<T>, now: Instant) -> DbResult<T> {
        let mut state = self.lock();
        match &answer {
            Err(DbError::Unavailable(_) | DbError::ConnectionLost(_) | DbError::OutcomeUnknown(_)) => {
                state.failures = state.failures.saturating_add(1);
                if state.failures == self.threshold {
                    tracing::warn!("the database does not answer: requests are refused until it does");
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
            Err(DbError::Overloaded(_)) => Err(unanswered()),
            other => other,
        }
    }

    /// No code panics under this lock, so a poisoned state is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unanswered() -> DbError {
    DbError::Unavailable("it has not answered for a while".to_owned())
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
            let _ = breaker.judge(failure(), now);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it() {
        let now = Instant::now();
        assert!(open(now).admit(now + PAUSE / 2).is_err());
    }

    #[test]
    fn as_many_failures_as_there_are_connections_open_it() {
        let (breaker, now) = (Breaker::new(2), Instant::now());
        let _ = breaker.judge(failure(), now);
        assert!(breaker.admit(now).is_ok());
        let _ = breaker.judge(failure(), now);
        assert!(breaker.admit(now).is_err());
    }

    #[test]
    fn an_answer_in_between_begins_the_count_anew_even_if_it_is_a_refusal() {
        let (breaker, now) = (Breaker::new(10), Instant::now());
        for _ in 0..FAILURES * 3 {
            let _ = breaker.judge(failure(), now);
            let _ = breaker.judge(failure(), now);
            let _ = breaker.judge(DbResult::<()>::Err(DbError::NotFound), now);
        }
        assert!(breaker.admit(now).is_ok());
    }

    #[test]
    fn overload_does_not_open_it_nor_does_it_hide_an_outage() {
        let (breaker, now) = (Breaker::new(10), Instant::now());
        for _ in 0..FAILURES * 3 {
            assert!(matches!(breaker.judge(overload(), now), Err(DbError::Overloaded(_))));
        }
        assert!(breaker.admit(now).is_ok());
        for _ in 0..FAILURES {
            let _ = breaker.judge(overload(), now);
            let _ = breaker.judge(failure(), now);
        }
        assert!(breaker.admit(now).is_err());
        assert!(matches!(breaker.judge(overload(), now), Err(DbError::Unavailable(_))));
    }

    #[test]
    fn after_a_pause_one_request_tries_for_all_and_its_success_closes_it() {
        let now = Instant::now();
        let breaker = open(now);
        let later = now + PAUSE;
        assert!(breaker.admit(later).is_ok());
        assert!(breaker.admit(later).is_err(), "one is enough");
        // The attempt took long to fail: the pause begins at its end.
        let failed = later + PAUSE * 5;
        let _ = breaker.judge(failure(), failed);
        assert!(breaker.admit(failed + PAUSE / 2).is_err());
        assert!(breaker.admit(failed + PAUSE).is_ok());
        let _ = breaker.judge(Ok(()), failed + PAUSE);
        assert!(breaker.admit(failed + PAUSE).is_ok());
    }
}
