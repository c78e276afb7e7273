//! What others say in the open room from now on, for people who hear the page.
//!
//! Pure.

use shared::events::ServerEvent;
use shared::ids::{RoomId, Seq, UserId};

/// So many lines stay. A screen reader reads each when it is added.
const KEPT: usize = 5;

/// The latest lines, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    room_id: Option<RoomId>,
    lines: Vec<(Seq, String)>,
}

impl News {
    /// The user enters a room, or leaves all rooms.
    pub fn enter(&mut self, room_id: Option<RoomId>) {
        *self = Self { room_id, lines: Vec::new() };
    }

    /// The lines with the numbers of their messages.
    pub fn lines(&self) -> &[(Seq, String)] {
        &self.lines
    }

    /// Takes in an event. `known` is the room's last message before it. Returns whether there is a new line.
    pub fn hear(&mut self, event: &ServerEvent, me: Option<UserId>, known: Option<Seq>) -> bool {
        let ServerEvent::MessageCreated(change) = event else { return false };
        let message = &change.message;
        let is_new = known.is_none_or(|known| message.seq > known)
            && self.lines.last().is_none_or(|last| message.seq > last.0);
        match &message.text {
            Some(text)
                if self.room_id == Some(message.room_id) && me != Some(message.author.id) && is_new =>
            {
                self.lines.push((message.seq, format!("{}: {text}", message.author.username.as_str())));
                let surplus = self.lines.len().saturating_sub(KEPT);
                self.lines.drain(..surplus);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples::{created, room_id, user};

    fn in_room() -> News {
        let mut news = News::default();
        news.enter(Some(room_id(1)));
        news
    }

    fn seqs(news: &News) -> Vec<i64> {
        news.lines().iter().map(|line| line.0.0).collect()
    }

    #[test]
    fn a_message_of_somebody_else_is_said_once() {
        let (mut news, me) = (in_room(), Some(user(2, "grace").id));
        assert!(news.hear(&created(3, 3), me, Some(Seq(2))));
        assert_eq!(news.lines(), [(Seq(3), "adam: message 3 at 3".to_owned())]);
        assert!(!news.hear(&created(3, 3), me, Some(Seq(3))), "it came twice");
        assert!(!news.hear(&created(3, 3), me, None), "the room is not listed");
    }

    #[test]
    fn own_messages_history_and_other_rooms_are_not_said() {
        let mut news = in_room();
        assert!(!news.hear(&created(3, 3), Some(user(1, "adam").id), Some(Seq(2))), "own");
        assert!(!news.hear(&created(3, 3), None, Some(Seq(7))), "history");
        news.enter(Some(room_id(2)));
        assert!(!news.hear(&created(3, 3), None, Some(Seq(2))), "another room");
    }

    #[test]
    fn a_few_lines_stay_until_the_room_is_left() {
        let mut news = in_room();
        for seq in 1..=7 {
            assert!(news.hear(&created(seq, seq), None, None));
        }
        assert_eq!(seqs(&news), [3, 4, 5, 6, 7]);
        news.enter(Some(room_id(2)));
        assert_eq!(seqs(&news), [0; 0]);
    }
}
