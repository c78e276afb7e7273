//! A circuit breaker (Nygard, "Release It!"): while the database does not answer, requests are told so at once instead
//! of waiting for it one after the other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{DbError, DbResult};

/// So many failures in a row open the circuit.
const FAILURES: u32 = 5;
/// How long nobody asks; then one request tries for all.
const PAUSE: Duration = Duration::from_secs(1);

/// Knows whether it is worth asking the database.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// When it opened, or somebody last went to try.
    tried_at: Option<Instant>,
}

impl Breaker {
    /// Whether to ask now.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] while the circuit is open.
    pub(super) fn admit(&self, now: Instant) -> DbResult<()> {
        let mut state = self.lock();
        if state.failures >= FAILURES {
            if state.tried_at.is_some_and(|tried_at| now.duration_since(tried_at) < PAUSE) {
                return Err(DbError::Unavailable("it has not answered for a while".to_owned()));
            }
            state.tried_at = Some(now);
        }
        Ok(())
    }

    /// Learns from an answer, whatever it says, and from there being none.
    pub(super) fn learn<T>(&self, answer: &DbResult<T>, now: Instant) {
        let mut state = self.lock();
        match answer {
            Err(DbError::Unavailable(_) | DbError::ConnectionLost(_)) => {
                state.failures = state.failures.saturating_add(1);
                if state.failures >= FAILURES {
                    state.tried_at = Some(now);
                }
                if state.failures == FAILURES {
                    tracing::warn!("the database does not answer: requests are refused until it does");
                }
            }
            _ => *state = State::default(),
        }
    }

    /// No panic happens under this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> DbResult<()> {
        Err(DbError::Unavailable("gone".to_owned()))
    }

    fn open(now: Instant) -> Breaker {
        let breaker = Breaker::default();
        for _ in 0..FAILURES {
            assert!(breaker.admit(now).is_ok());
            breaker.learn(&failure(), now);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it() {
        let now = Instant::now();
        assert!(open(now).admit(now + PAUSE / 2).is_err());
    }

    #[test]
    fn an_answer_in_between_begins_the_count_anew_even_if_it_is_a_refusal() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES * 3 {
            breaker.learn(&failure(), now);
            breaker.learn(&failure(), now);
            breaker.learn(&DbResult::<()>::Err(DbError::NotFound), now);
        }
        assert!(breaker.admit(now).is_ok());
    }

    #[test]
    fn after_a_pause_one_tries_for_all_and_its_success_closes_it() {
        let now = Instant::now();
        let breaker = open(now);
        let later = now + PAUSE;
        assert!(breaker.admit(later).is_ok());
        assert!(breaker.admit(later).is_err(), "one is enough");
        // It took long to fail: the pause begins at its end.
        let failed = later + PAUSE * 5;
        breaker.learn(&failure(), failed);
        assert!(breaker.admit(failed + PAUSE / 2).is_err());
        assert!(breaker.admit(failed + PAUSE).is_ok());
        breaker.learn(&Ok(()), failed + PAUSE);
        assert!(breaker.admit(failed + PAUSE).is_ok());
    }
}
