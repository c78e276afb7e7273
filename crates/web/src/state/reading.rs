//! What the user has read of each room, and so how much is unread.
//!
//! Pure. It is kept by the browser as text, one room a line.

use std::collections::{HashMap, HashSet};

use shared::ids::{RoomId, Seq};
use shared::rooms::Room;

use crate::state::rooms::RoomList;

/// The number of the last message that the user has read, by room.
#[derive(Clone, Debug, Default)]
pub struct ReadMarks {
    marks: HashMap<RoomId, Seq>,
    /// The rooms whose marks must be checked, because the server may have lost messages.
    unchecked: HashSet<RoomId>,
    is_changed: bool,
}

impl ReadMarks {
    /// Reads what `to_text` wrote; lines that make no sense are left out.
    pub fn from_text(text: &str) -> Self {
        let mark = |line: &str| {
            let (room, seq) = line.split_once(' ')?;
            Some((room.parse().ok()?, Seq(seq.parse().ok()?)))
        };
        Self { marks: text.lines().filter_map(mark).collect(), ..Self::default() }
    }

    /// The marks as text.
    pub fn to_text(&self) -> String {
        let lines = self.marks.iter().map(|(room, seq)| format!("{room} {seq}\n"));
        lines.collect()
    }

    /// The marks as text, if they have changed since they were asked for.
    pub fn take_changed(&mut self) -> Option<String> {
        std::mem::take(&mut self.is_changed).then(|| self.to_text())
    }

    /// Takes in the marks that another tab has set.
    pub fn merge(&mut self, other: &Self) {
        for (room, seq) in &other.marks {
            self.read(*room, *seq);
        }
    }

    /// Whether the user has been in a room that is not listed.
    pub fn has_unlisted(&self, rooms: &RoomList) -> bool {
        self.marks.keys().any(|room_id| rooms.get(*room_id).is_none())
    }

    /// The server was restored from a backup. The next time each room is received, its mark is checked, and reset if it is
    /// past the last message.
    pub fn recheck(&mut self) {
        self.unchecked = self.marks.keys().copied().collect();
    }

    /// Forgets everything: the rooms are of another database.
    pub fn clear(&mut self) {
        *self = Self { is_changed: true, ..Self::default() };
    }

    /// A room that the user never saw begins as read. Returns whether it was new.
    pub fn meet(&mut self, room: &Room) -> bool {
        let is_unchecked = self.unchecked.remove(&room.id);
        let is_new = self.last_read(room.id).is_none_or(|read| is_unchecked && read > room.last_seq);
        if is_new {
            self.marks.insert(room.id, room.last_seq);
            self.is_changed = true;
        }
        is_new
    }

    /// The server says how far a member has read: before as far as it was known, and now. Returns whether the mark moved
    /// back, because the user marked messages as unread.
    pub fn told(&mut self, room_id: RoomId, before: Option<Seq>, now: Seq) -> bool {
        let moved_back = before.is_some_and(|before| now < before);
        let read = self.marks.get(&room_id).copied();
        // What was read here a moment ago, the server does not know yet.
        if before.is_some() && !moved_back && read >= Some(now) {
            return false;
        }
        self.set(room_id, now);
        moved_back
    }

    /// Stores that the user has read up to here and no further.
    pub fn set(&mut self, room_id: RoomId, seq: Seq) {
        self.is_changed |= self.marks.insert(room_id, seq) != Some(seq);
    }

    /// Stores that the user has read up to here. Returns whether that is a change.
    pub fn read(&mut self, room_id: RoomId, seq: Seq) -> bool {
        let mark = self.marks.entry(room_id).or_insert(Seq::ZERO);
        let news = seq > *mark;
        *mark = seq.max(*mark);
        self.is_changed |= news;
        news
    }

    /// The last message that the user has read there.
    pub fn last_read(&self, room_id: RoomId) -> Option<Seq> {
        self.marks.get(&room_id).copied()
    }

    /// How many unread messages mention the user.
    pub fn mentions(&self, room: &Room) -> u64 {
        let mentions = room.viewer.as_ref().and_then(|viewer| viewer.mentions).unwrap_or(0);
        if self.unread(room) == 0 { 0 } else { u64::from(mentions) }
    }

    /// The number of unread messages.
    pub fn unread(&self, room: &Room) -> u64 {
        let read = self.last_read(room.id).unwrap_or(room.last_seq);
        u64::try_from(room.last_seq.0 - read.0).unwrap_or(0)
    }

    /// Forgets a room.
    pub fn forget(&mut self, room_id: RoomId) {
        self.is_changed |= self.marks.remove(&room_id).is_some();
    }
}

#[cfg(test)]
mod tests {
    use shared::members::Viewer;

    use super::*;
    use crate::state::samples::{room, room_id, viewer};

    #[test]
    fn unread_is_what_came_after_the_last_read_message() {
        let mut marks = ReadMarks::default();
        let mut lobby = Room { last_seq: Seq(7), ..room(1, "Lobby") };
        assert!(marks.meet(&lobby));
        assert_eq!(marks.unread(&lobby), 0, "what was said before one came is no news");
        lobby.last_seq = Seq(9);
        assert!(!marks.meet(&lobby));
        assert_eq!(marks.unread(&lobby), 2);
        assert!(marks.read(lobby.id, Seq(9)));
        assert!(!marks.read(lobby.id, Seq(8)));
        assert_eq!(marks.unread(&lobby), 0);
    }

    #[test]
    fn what_the_server_says_counts_unless_it_is_behind_what_was_read_here() {
        let mut marks = ReadMarks::default();
        let id = room_id(1);
        marks.read(id, Seq(9));
        assert!(!marks.told(id, None, Seq(4)), "the server is asked for the first time");
        assert_eq!(marks.last_read(id), Some(Seq(4)), "another browser may know less");
        marks.read(id, Seq(8));
        assert!(!marks.told(id, Some(Seq(4)), Seq(6)));
        assert_eq!(marks.last_read(id), Some(Seq(8)), "it will be told soon");
        assert!(!marks.told(id, Some(Seq(6)), Seq(10)));
        assert_eq!(marks.last_read(id), Some(Seq(10)), "read in another browser");
        assert!(marks.told(id, Some(Seq(10)), Seq(2)), "marked as unread there");
        assert_eq!(marks.last_read(id), Some(Seq(2)));
    }

    #[test]
    fn mentions_count_while_anything_is_unread() {
        let mut marks = ReadMarks::default();
        let viewer = Viewer { mentions: Some(2), ..viewer(None) };
        let lobby = Room { last_seq: Seq(7), viewer: Some(viewer), ..room(1, "Lobby") };
        marks.read(lobby.id, Seq(3));
        assert_eq!(marks.mentions(&lobby), 2);
        marks.read(lobby.id, Seq(7));
        assert_eq!(marks.mentions(&lobby), 0, "before the server says so");
    }

    #[test]
    fn after_a_loss_of_messages_what_comes_then_is_unread() {
        let mut marks = ReadMarks::default();
        let mut lobby = Room { last_seq: Seq(7), ..room(1, "Lobby") };
        marks.meet(&lobby);
        marks.take_changed();
        lobby.last_seq = Seq(4);
        assert!(!marks.meet(&lobby), "an answer may be older than the mark");
        marks.recheck();
        assert!(marks.meet(&lobby));
        assert!(marks.take_changed().is_some());
        lobby.last_seq = Seq(6);
        assert_eq!(marks.unread(&lobby), 2);
        lobby.last_seq = Seq(3);
        assert!(!marks.meet(&lobby), "there is no doubt any more");
    }

    #[test]
    fn what_is_forgotten_is_forgotten_by_the_browser_too() {
        let mut marks = ReadMarks::from_text(&format!("{} 3\n", room_id(1)));
        marks.clear();
        assert_eq!(marks.take_changed().as_deref(), Some(""));
    }

    #[test]
    fn the_marks_survive_being_kept_as_text() {
        let mut marks = ReadMarks::default();
        marks.read(room_id(1), Seq(3));
        marks.read(room_id(2), Seq(1));
        let text = format!("{}nonsense\n\n", marks.to_text());
        assert_eq!(ReadMarks::from_text(&text).marks, marks.marks);
    }

    #[test]
    fn the_marks_are_written_only_when_one_has_moved() {
        let mut marks = ReadMarks::from_text(&format!("{} 3\n", room_id(1)));
        assert_eq!(marks.take_changed(), None);
        marks.read(room_id(1), Seq(2));
        assert_eq!(marks.take_changed(), None);
        marks.read(room_id(1), Seq(4));
        assert_eq!(marks.take_changed(), Some(format!("{} 4\n", room_id(1))));
        assert_eq!(marks.take_changed(), None);
    }
}
