//! The open thread: its first message and the replies, page by page, and live from then on.
//!
//! Pure. Between the replies lie messages of others, so unlike a timeline's, the numbers of a thread's messages have gaps.

use std::sync::Arc;

use shared::ids::MessageId;
use shared::messages::{Author, Message};
use shared::page::Cursor;

/// A thread.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    /// The first message.
    pub root: MessageId,
    /// By their place in the room.
    messages: Vec<Arc<Message>>,
    older: Option<Cursor>,
    is_loaded: bool,
}

impl Thread {
    /// The thread that begins with this message.
    pub fn new(root: MessageId) -> Self {
        Self { root, messages: Vec::new(), older: None, is_loaded: false }
    }

    /// The messages at hand, oldest first.
    pub fn messages(&self) -> &[Arc<Message>] {
        &self.messages
    }

    /// Whether a page has come.
    pub fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// Leads to older replies; `None` when all are at hand.
    pub fn older(&self) -> Option<&Cursor> {
        self.older.as_ref()
    }

    /// Takes in the messages of a page; `older` leads to those before it.
    pub fn add_page(&mut self, messages: Vec<Message>, older: Option<Cursor>) {
        for message in messages {
            self.apply(&message);
        }
        self.older = older;
        self.is_loaded = true;
    }

    /// Takes in a message. Returns whether it is of this thread and new.
    pub fn apply(&mut self, message: &Message) -> bool {
        if message.id != self.root && message.reply_to.is_none_or(|reply| reply.root_id != self.root) {
            return false;
        }
        let place = self.messages.partition_point(|known| known.seq < message.seq);
        match self.messages.get_mut(place) {
            Some(known) if known.seq == message.seq && known.rev > message.rev => return false,
            Some(known) if known.seq == message.seq => *known = Arc::new(message.clone()),
            _ => self.messages.insert(place, Arc::new(message.clone())),
        }
        true
    }

    /// Gives an author their current name. Returns whether a message changed.
    pub fn rename_author(&mut self, author: &Author) -> bool {
        let mut is_changed = false;
        for message in &mut self.messages {
            if message.author.id == author.id && message.author != *author {
                Arc::make_mut(message).author = author.clone();
                is_changed = true;
            }
        }
        is_changed
    }
}

#[cfg(test)]
mod tests {
    use shared::replies::ReplyTo;

    use super::*;
    use crate::state::samples::{message, message_id, user};

    fn reply(seq: i64, rev: i64) -> Message {
        let reply_to = Some(ReplyTo { id: message_id(1), root_id: message_id(1) });
        Message { reply_to, ..message(seq, rev) }
    }

    fn shown(thread: &Thread) -> Vec<(i64, i64)> {
        thread.messages().iter().map(|message| (message.seq.0, message.rev.0)).collect()
    }

    #[test]
    fn a_thread_has_its_first_message_and_the_replies_and_nothing_else() {
        let mut thread = Thread::new(message_id(1));
        assert!(thread.apply(&reply(9, 9)), "an event may be quicker than the page");
        let cursor = Some(Cursor("older".to_owned()));
        thread.add_page(vec![message(1, 1), reply(4, 4), reply(9, 8)], cursor.clone());
        assert_eq!(shown(&thread), [(1, 1), (4, 4), (9, 9)]);
        assert_eq!((thread.older(), thread.is_loaded()), (cursor.as_ref(), true));
        assert!(!thread.apply(&message(5, 5)), "another message of the room");
        assert!(thread.apply(&reply(4, 10)));
        assert!(!thread.apply(&reply(4, 9)));
        assert_eq!(shown(&thread), [(1, 1), (4, 10), (9, 9)]);
    }

    #[test]
    fn a_new_name_stands_at_all_its_messages() {
        let mut thread = Thread::new(message_id(1));
        thread.apply(&message(1, 1));
        let author = Author::from(&user(1, "Lovelace"));
        assert!(thread.rename_author(&author));
        assert!(!thread.rename_author(&author));
        assert_eq!(thread.messages()[0].author, author);
    }
}
