//! What came in about messages outside the window. It is taken in when the window gets there.
//!
//! A page may be older than an event that arrives before it, so events are kept. Only the latest are: a page that is
//! requested later has them.

use std::collections::HashMap;
use std::sync::Arc;

use shared::ids::Seq;
use shared::messages::Message;

/// How many messages are kept at most.
const MOST: i64 = 1_000;

/// Messages outside the window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outside {
    kept: HashMap<Seq, Arc<Message>>,
    /// The largest number of the messages that were not kept.
    lost: Seq,
}

impl Outside {
    /// Keeps a message, unless a newer copy is kept.
    pub fn keep(&mut self, message: Arc<Message>) {
        if self.kept.len() >= MOST as usize {
            // No two changes have the same number, so at most half of the messages stay.
            let latest = self.kept.values().map(|kept| kept.rev.0).max().unwrap_or(0);
            let (lost, bound) = (&mut self.lost, latest - MOST / 2);
            self.kept.retain(|seq, kept| {
                let stays = kept.rev.0 > bound;
                if !stays {
                    *lost = (*lost).max(*seq);
                }
                stays
            });
        }
        let kept = self.kept.entry(message.seq).or_insert_with(|| message.clone());
        if kept.rev < message.rev {
            *kept = message;
        }
    }

    /// How many messages are kept.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// The newer one of the given message and the kept one.
    pub fn newest_copy(&mut self, message: Message) -> Arc<Message> {
        match self.kept.remove(&message.seq) {
            Some(kept) if kept.rev > message.rev => kept,
            _ => Arc::new(message),
        }
    }

    /// Whether the message of this number is kept.
    pub fn has(&self, seq: Seq) -> bool {
        self.kept.contains_key(&seq)
    }

    /// Whether this message, or a later one, was not kept.
    pub fn has_lost(&self, seq: Seq) -> bool {
        self.lost >= seq
    }

    /// Takes the message of this number out.
    pub fn take(&mut self, seq: Seq) -> Option<Arc<Message>> {
        self.kept.remove(&seq)
    }
}
