//! The list of rooms: pages from the server, kept live by what happens to rooms anywhere.
//!
//! Pure. Oldest first, as the server pages them; a new room is therefore always the last.

use shared::events::ServerEvent;
use shared::ids::{RoomId, Seq};
use shared::page::{Cursor, Page};
use shared::rooms::Room;

/// The rooms that are known here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoomList {
    rooms: Vec<Room>,
    next_cursor: Option<Cursor>,
    loaded: bool,
}

impl RoomList {
    /// The rooms, oldest first.
    pub fn all(&self) -> &[Room] {
        &self.rooms
    }

    /// The room of that id.
    pub fn get(&self, id: RoomId) -> Option<&Room> {
        self.rooms.iter().find(|room| room.id == id)
    }

    /// Whether the first page has come.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Leads to the next page; `None` when there are no more.
    pub fn next_cursor(&self) -> Option<&Cursor> {
        self.next_cursor.as_ref()
    }

    /// Takes in a page as the server sent it.
    pub fn insert_page(&mut self, page: Page<Room>) {
        for room in page.items {
            self.insert(room);
        }
        self.next_cursor = page.next_cursor;
        self.loaded = true;
    }

    /// Takes in the first page again without forgetting how far the list was paged.
    pub fn refresh(&mut self, page: Page<Room>) {
        let next_cursor = if self.loaded { self.next_cursor.clone() } else { page.next_cursor.clone() };
        self.insert_page(Page { next_cursor, ..page });
    }

    /// Takes in one room, or a newer copy of it.
    pub fn insert(&mut self, room: Room) {
        match self.rooms.iter_mut().find(|known| known.id == room.id) {
            Some(known) if known.rev <= room.rev => {
                let last_seq = known.last_seq.max(room.last_seq);
                *known = Room { last_seq, ..room };
            }
            Some(_) => {}
            None => {
                let place = self
                    .rooms
                    .partition_point(|known| (known.created_at, known.id) < (room.created_at, room.id));
                self.rooms.insert(place, room);
            }
        }
    }

    /// Forgets a room.
    pub fn remove(&mut self, id: RoomId) -> Option<Room> {
        let place = self.rooms.iter().position(|room| room.id == id)?;
        Some(self.rooms.remove(place))
    }

    /// Says how many people are in a room now.
    pub fn set_online(&mut self, id: RoomId, online: usize) {
        if let Some(room) = self.rooms.iter_mut().find(|room| room.id == id) {
            room.online = u32::try_from(online).unwrap_or(u32::MAX);
        }
    }

    /// Says that a room has a message of this number.
    pub fn reach(&mut self, id: RoomId, seq: Seq) {
        if let Some(room) = self.rooms.iter_mut().find(|room| room.id == id) {
            room.last_seq = room.last_seq.max(seq);
        }
    }

    /// Follows what happened.
    pub fn apply(&mut self, event: &ServerEvent) {
        match event {
            ServerEvent::RoomCreated(change) | ServerEvent::RoomUpdated(change) => {
                let online = self.get(change.room.id).map(|room| room.online);
                let room = change.room.clone();
                self.insert(Room { online: online.unwrap_or(room.online), ..room });
            }
            ServerEvent::Subscribed { room, .. } => self.insert(room.clone()),
            ServerEvent::RoomDeleted(change) => {
                self.remove(change.room.id);
            }
            ServerEvent::MessageCreated(change)
            | ServerEvent::MessageUpdated(change)
            | ServerEvent::MessageDeleted(change) => self.reach(change.room_id, change.message.seq),
            ServerEvent::Hello { .. }
            | ServerEvent::Presence { .. }
            | ServerEvent::Typing { .. }
            | ServerEvent::Resync { .. }
            | ServerEvent::Pong { .. }
            | ServerEvent::Error { .. }
            | ServerEvent::Unknown => {}
        }
    }
}

/// What to say about a room that was deleted. `lost` messages to it were not sent.
pub fn gone_sentence(name: &str, lost: usize) -> String {
    match lost {
        0 => format!("{name} has been deleted."),
        1 => format!("{name} has been deleted. One message to it was not sent."),
        many => format!("{name} has been deleted. {many} messages to it were not sent."),
    }
}

#[cfg(test)]
mod tests {
    use shared::events::RoomChange;
    use shared::ids::Rev;
    use shared::rooms::RoomName;

    use super::*;
    use crate::state::samples::room;

    fn page(rooms: Vec<Room>, next: Option<&str>) -> Page<Room> {
        Page { items: rooms, next_cursor: next.map(|text| Cursor(text.to_owned())), prev_cursor: None }
    }

    fn names(list: &RoomList) -> Vec<&str> {
        list.all().iter().map(|room| room.name.as_str()).collect()
    }

    #[test]
    fn a_new_room_comes_last_and_only_once_although_its_page_comes_later() {
        let mut list = RoomList::default();
        list.insert_page(page(vec![room(1, "one"), room(2, "two")], Some("more")));
        let created = ServerEvent::RoomCreated(RoomChange { room: room(9, "nine"), rev: Rev(0) });
        list.apply(&created);
        assert_eq!(names(&list), ["one", "two", "nine"]);
        list.insert_page(page(vec![room(3, "three"), room(9, "nine")], None));
        assert_eq!(names(&list), ["one", "two", "three", "nine"]);
        assert_eq!(list.next_cursor(), None);
    }

    #[test]
    fn a_rename_is_followed_and_an_older_copy_does_not_undo_it() {
        let mut list = RoomList::default();
        list.insert(room(1, "one"));
        let renamed = Room { name: RoomName::parse("uno").unwrap(), rev: Rev(5), ..room(1, "one") };
        list.apply(&ServerEvent::RoomUpdated(RoomChange { room: renamed, rev: Rev(5) }));
        list.insert(room(1, "one"));
        assert_eq!(names(&list), ["uno"]);
    }

    #[test]
    fn a_deleted_room_leaves_the_list() {
        let mut list = RoomList::default();
        list.insert(room(1, "one"));
        list.apply(&ServerEvent::RoomDeleted(RoomChange { room: room(1, "one"), rev: Rev(1) }));
        assert!(list.all().is_empty());
    }

    #[test]
    fn refreshing_the_first_page_keeps_how_far_one_had_paged() {
        let mut list = RoomList::default();
        list.insert_page(page(vec![room(1, "one")], Some("second")));
        list.insert_page(page(vec![room(2, "two")], None));
        list.refresh(page(vec![room(1, "one")], Some("second")));
        assert_eq!(list.next_cursor(), None);
    }
}
