//! Readers to wake after an event was delivered to their outboxes.

use std::task::Waker;

/// Readers that have something to send. They are woken when this is dropped, which is best done without a lock, and
/// after everything that is more urgent: each of them writes to a socket.
#[derive(Default)]
#[must_use]
pub struct Wakeups(Vec<Waker>);

impl Wakeups {
    pub(super) fn add(&mut self, reader: Option<Waker>) {
        self.0.extend(reader);
    }
}

impl Drop for Wakeups {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}
