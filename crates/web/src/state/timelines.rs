//! The timelines of the rooms that the user visited last.
//!
//! Pure.

use shared::ids::RoomId;
use shared::messages::Author;

use crate::state::messages::Timeline;

/// So many rooms stay loaded.
const MOST: usize = 10;
/// How many messages of a room stay loaded when the user leaves it.
const KEPT_MESSAGES: usize = 90;

/// The loaded messages, in the order in which the user went into the rooms. They are few, so a search is quick.
#[derive(Clone, Debug, Default)]
pub struct Timelines {
    all: Vec<(RoomId, Timeline)>,
}

impl Timelines {
    /// What is loaded of a room.
    pub fn get(&self, room_id: RoomId) -> Option<&Timeline> {
        self.all.iter().find(|(id, _)| *id == room_id).map(|(_, timeline)| timeline)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, room_id: RoomId) -> Option<&mut Timeline> {
        self.all.iter_mut().find(|(id, _)| *id == room_id).map(|(_, timeline)| timeline)
    }

    /// The timeline of a room. It is created when there is none.
    pub fn make(&mut self, room_id: RoomId) -> &mut Timeline {
        let place = self.all.iter().position(|(id, _)| *id == room_id).unwrap_or_else(|| {
            self.all.push((room_id, Timeline::default()));
            self.all.len() - 1
        });
        &mut self.all[place].1
    }

    /// The user goes into a room. The room that was not visited for longest is forgotten when there are too many.
    pub fn enter(&mut self, room_id: RoomId) {
        let place = self.all.iter().position(|(id, _)| *id == room_id);
        let room = place.map_or_else(|| (room_id, Timeline::default()), |place| self.all.remove(place));
        self.all.push(room);
        if self.all.len() > MOST {
            self.all.remove(0);
        }
    }

    /// The user leaves a room: only its newest messages stay.
    pub fn leave(&mut self, room_id: RoomId) {
        if let Some(timeline) = self.get_mut(room_id) {
            timeline.trim(KEPT_MESSAGES);
        }
    }

    /// Gives an author their current name. Returns the rooms whose messages changed.
    pub fn rename_author(&mut self, author: &Author) -> Vec<RoomId> {
        let all = self.all.iter_mut();
        all.filter_map(|(room_id, timeline)| timeline.rename_author(author).then_some(*room_id)).collect()
    }

    /// Forgets a room.
    pub fn remove(&mut self, room_id: RoomId) {
        self.all.retain(|(id, _)| *id != room_id);
    }

    /// Forgets all rooms.
    pub fn clear(&mut self) {
        self.all.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples::{message, page, room_id, user};

    #[test]
    fn the_rooms_that_were_visited_last_stay_loaded() {
        let mut timelines = Timelines::default();
        for number in (1..=10).chain([1, 11, 12]) {
            timelines.enter(room_id(number));
            timelines.make(room_id(number));
        }
        let loaded = (1..=12).filter(|number| timelines.get(room_id(*number)).is_some());
        assert_eq!(loaded.collect::<Vec<_>>(), [1, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    }

    #[test]
    fn a_new_name_stands_at_all_messages_of_its_user() {
        let mut timelines = Timelines::default();
        for number in 1..=2 {
            timelines.enter(room_id(number));
        }
        let items = (1..=2).map(|seq| message(seq, seq)).collect();
        timelines.make(room_id(2)).show(page(items));
        assert_eq!(timelines.rename_author(&Author::from(&user(2, "Grace"))), vec![], "somebody else");
        let author = Author::from(&user(1, "Lovelace"));
        assert_eq!(timelines.rename_author(&author), [room_id(2)]);
        let shown = timelines.get(room_id(2)).unwrap().messages();
        assert!(shown.iter().all(|message| message.author == author));
        assert_eq!(timelines.rename_author(&author), vec![], "it is known");
    }

    #[test]
    fn only_the_newest_messages_of_a_room_stay_when_the_user_leaves_it() {
        let mut timelines = Timelines::default();
        timelines.enter(room_id(1));
        let items = (1..=100).map(|seq| message(seq, seq)).collect();
        timelines.make(room_id(1)).show(page(items));
        timelines.leave(room_id(1));
        let timeline = timelines.get(room_id(1)).unwrap();
        assert_eq!((timeline.messages()[0].seq.0, timeline.messages().len()), (11, 90));
        assert!(timeline.is_loaded() && timeline.older().is_some());
    }
}
