//! Waiting for something to become true, instead of sleeping and hoping.

use std::time::{Duration, Instant};

/// How long a test waits for what must happen. Long enough for a loaded machine; a test that passes never waits it out.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `attempt` gives something and returns it; fails the test, naming `what`, when it never does.
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
