//! Sends what is in outboxes: one postman a worker thread, woken once for many of them. A task of each connection's own
//! would have to be woken and polled for every frame.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::outbox::Outbox;

/// After so many outboxes the thread's other tasks get their turn.
const ROUND: usize = 64;

/// Knows which of a thread's outboxes hold something to send.
#[derive(Debug, Default)]
pub struct Postman {
    waiting: Mutex<Vec<Arc<Outbox>>>,
    has_mail: Notify,
}

impl Postman {
    /// Puts an outbox on the list, from whatever thread.
    pub fn post(&self, outbox: &Arc<Outbox>) {
        // No panic happens under this lock, so a poisoned one is as good as any.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(outbox.clone());
        let is_first = waiting.len() == 1;
        drop(waiting);
        if is_first {
            self.has_mail.notify_one();
        }
    }

    /// Sends for as long as the thread runs.
    pub async fn run(self: Arc<Self>) {
        let (mut round, mut batch) = (Vec::new(), Vec::new());
        loop {
            self.has_mail.notified().await;
            std::mem::swap(&mut round, &mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            for (number, outbox) in round.drain(..).enumerate() {
                outbox.flush_by(&mut batch);
                if number % ROUND == ROUND - 1 {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}
