//! What others say in the open room from now on, for people who hear the page.
//!
//! Pure.

use shared::events::ServerEvent;
use shared::ids::{RoomId, Seq, UserId};

use crate::state::files::words;

/// The open room and the last message that was said there.
#[derive(Clone, Debug, Default)]
pub struct News {
    room_id: Option<RoomId>,
    last: Option<Seq>,
}

impl News {
    /// The user enters a room, or leaves all rooms.
    pub fn enter(&mut self, room_id: Option<RoomId>) {
        *self = Self { room_id, last: None };
    }

    /// The words to say about an event, if it is a new message of somebody else. A message may come twice.
    pub fn hear(&mut self, event: &ServerEvent, me: Option<UserId>) -> Option<String> {
        let ServerEvent::MessageCreated(change) = event else { return None };
        let message = &change.message;
        let is_other = me != Some(message.author.id) && self.room_id == Some(message.room_id);
        if !is_other || Some(message.seq) <= self.last {
            return None;
        }
        self.last = Some(message.seq);
        Some(format!("{}: {}", message.author.username.as_str(), words(message)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples::{created, room_id, user};

    #[test]
    fn a_message_of_somebody_else_in_the_open_room_is_said_once() {
        let mut news = News::default();
        let grace = Some(user(2, "grace").id);
        assert_eq!(news.hear(&created(3, 3), grace), None, "no room is open");
        news.enter(Some(room_id(2)));
        assert_eq!(news.hear(&created(3, 3), grace), None, "another room");
        news.enter(Some(room_id(1)));
        assert_eq!(news.hear(&created(3, 3), Some(user(1, "adam").id)), None, "own");
        assert_eq!(news.hear(&created(4, 4), grace).as_deref(), Some("adam: message 4 at 4"));
        assert_eq!(news.hear(&created(4, 4), grace), None, "it came twice");
        assert!(news.hear(&created(5, 5), None).is_some());
    }
}
