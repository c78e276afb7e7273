//! Waiting for an answer, and saying what it was instead when it never comes.

use std::fmt::Debug;
use std::panic::Location;
use std::time::{Duration, Instant};

use support::wait::DEADLINE;

/// How long to leave the browser alone between two questions.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until the answer is the expected one; fails with the last answer when it never is.
#[track_caller]
pub fn eventually<A, E>(ask: impl FnMut() -> A, expected: E)
where
    A: PartialEq<E> + Debug,
    E: Debug,
{
    let matches = |answer: &A| *answer == expected;
    eventually_where(ask, &format!("{expected:?}"), matches);
}

/// Asks until the answer satisfies the predicate, described by `expected`, and returns it.
#[track_caller]
pub fn eventually_where<A: Debug>(
    mut ask: impl FnMut() -> A,
    expected: &str,
    is_it: impl Fn(&A) -> bool,
) -> A {
    let started = Instant::now();
    loop {
        let answer = ask();
        if is_it(&answer) {
            return answer;
        }
        let asker = Location::caller();
        assert!(started.elapsed() < DEADLINE, "{asker}: wanted {expected}, and at last it was {answer:?}");
        std::thread::park_timeout(PAUSE);
    }
}
