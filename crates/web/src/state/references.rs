//! What messages of a room refer to: the messages that they answer, and how many replies there are.
//!
//! Pure. It comes beside the messages and is the same for all readers, so the newest is right.

use std::sync::Arc;

use shared::ids::MessageId;
use shared::messages::Message;
use shared::replies::{Context, Quote, Thread};

use crate::state::excerpts::excerpt;

/// So many quotes are kept of a room before those that no loaded message needs are dropped.
const MOST: usize = 500;

/// The quotes and threads of a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct References {
    /// Few, so a search is quick. Maps would make the client larger.
    quotes: Vec<Arc<Quote>>,
    threads: Vec<Thread>,
}

impl References {
    /// Takes in what came beside messages.
    pub fn learn(&mut self, context: Context) {
        for quote in context.quotes {
            match self.quotes.iter_mut().find(|known| known.id == quote.id) {
                Some(known) if known.rev > quote.rev => {}
                Some(known) => *known = Arc::new(quote),
                None => self.quotes.push(Arc::new(quote)),
            }
        }
        for thread in context.threads {
            match self.threads.iter_mut().find(|known| known.root_id == thread.root_id) {
                // Deleted replies count, so a thread never becomes shorter.
                Some(known) if known.count >= thread.count => {}
                Some(known) => *known = thread,
                None => self.threads.push(thread),
            }
        }
    }

    /// A message changed: if it is quoted, its quote changes.
    pub fn renew(&mut self, message: &Message) {
        let known = self.quotes.iter_mut().find(|known| known.id == message.id);
        if let Some(known) = known.filter(|known| known.rev < message.rev) {
            *known = Arc::new(quote(message));
        }
    }

    /// The user answers a message: it is quoted from now on.
    pub fn quote_message(&mut self, message: &Message) {
        self.learn(Context { quotes: vec![quote(message)], threads: Vec::new() });
    }

    /// The beginning of a message that is answered.
    pub fn quote(&self, id: MessageId) -> Option<&Arc<Quote>> {
        self.quotes.iter().find(|quote| quote.id == id)
    }

    /// How many replies a message has.
    pub fn replies(&self, root: MessageId) -> u32 {
        self.threads.iter().find(|thread| thread.root_id == root).map_or(0, |thread| thread.count)
    }

    /// Drops what these messages do not need, when it is a lot.
    pub fn trim(&mut self, messages: &[Arc<Message>]) {
        if self.quotes.len() + self.threads.len() > MOST {
            let needs = |id: MessageId| {
                messages
                    .iter()
                    .any(|message| message.id == id || message.reply_to.is_some_and(|it| it.id == id))
            };
            self.quotes.retain(|quote| needs(quote.id));
            self.threads.retain(|thread| needs(thread.root_id));
        }
    }
}

/// The beginning of a message, as the server would say it.
fn quote(message: &Message) -> Quote {
    Quote {
        id: message.id,
        rev: message.rev,
        seq: message.seq,
        author: message.author.clone(),
        excerpt: excerpt(message),
        deleted: message.deleted_at.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use shared::ids::{Rev, Seq};

    use super::*;
    use crate::state::samples::{message, message_id};

    fn text(references: &References, id: MessageId) -> Option<String> {
        references.quote(id).map(|quote| quote.excerpt.clone())
    }

    #[test]
    fn of_two_quotes_the_one_with_the_higher_rev_stays() {
        let mut references = References::default();
        for rev in [2, 5, 3] {
            references.quote_message(&message(1, rev));
        }
        assert_eq!(text(&references, message_id(1)).as_deref(), Some("message 1 at 5"));
        references.renew(&message(1, 4));
        assert_eq!(text(&references, message_id(1)).as_deref(), Some("message 1 at 5"), "that is older");
        references.renew(&Message {
            text: None,
            deleted_at: Some(message(1, 1).created_at),
            ..message(1, 6)
        });
        assert!(references.quote(message_id(1)).unwrap().deleted);
        references.renew(&message(2, 7));
        assert_eq!(references.quote(message_id(2)), None, "nobody answered it");
    }

    #[test]
    fn a_thread_never_becomes_shorter() {
        let mut references = References::default();
        for count in [1, 3, 2] {
            let thread = Thread { root_id: message_id(1), count, last_seq: Seq(9) };
            references.learn(Context { quotes: vec![], threads: vec![thread] });
        }
        assert_eq!(references.replies(message_id(1)), 3);
        assert_eq!(references.replies(message_id(2)), 0);
    }

    #[test]
    fn what_no_loaded_message_needs_is_dropped_when_it_is_a_lot() {
        let mut references = References::default();
        for number in 0..=MOST as i64 {
            references.quote_message(&Message { rev: Rev(1), ..message(number, 1) });
        }
        references.trim(&[Arc::new(message(3, 1))]);
        assert!(references.quote(message_id(3)).is_some());
        assert!(references.quote(message_id(4)).is_none());
    }
}
