//! Waiting for a condition instead of sleeping.

use std::time::{Duration, Instant};

/// How long a test waits for a condition. It is long enough for a loaded machine; a passing test does not reach it.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `attempt` returns a value, and returns it. After [`DEADLINE`], fails the test with `what`.
#[track_caller]
pub fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(started.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain for: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
