//! The timelines of the rooms that the user visited last.
//!
//! Pure.

use std::collections::HashMap;

use shared::ids::RoomId;

use crate::state::messages::Timeline;

/// So many rooms stay loaded.
const MOST: usize = 10;
/// How many messages of a room stay loaded when the user leaves it.
const KEPT_MESSAGES: usize = 90;

/// The loaded messages, by room.
#[derive(Clone, Debug, Default)]
pub struct Timelines {
    all: HashMap<RoomId, Timeline>,
    /// The rooms in the order of the visits, the latest last.
    visited: Vec<RoomId>,
}

impl Timelines {
    /// What is loaded of a room.
    pub fn get(&self, room_id: RoomId) -> Option<&Timeline> {
        self.all.get(&room_id)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, room_id: RoomId) -> Option<&mut Timeline> {
        self.all.get_mut(&room_id)
    }

    /// The timeline of a room. It is created when there is none.
    pub fn make(&mut self, room_id: RoomId) -> &mut Timeline {
        self.all.entry(room_id).or_default()
    }

    /// The user goes into a room. The room that was not visited for longest is forgotten when there are too many.
    pub fn enter(&mut self, room_id: RoomId) {
        self.visited.retain(|visited| *visited != room_id);
        self.visited.push(room_id);
        if self.visited.len() > MOST {
            let oldest = self.visited.remove(0);
            self.all.remove(&oldest);
        }
    }

    /// The user leaves a room: only its newest messages stay.
    pub fn leave(&mut self, room_id: RoomId) {
        if let Some(timeline) = self.all.get_mut(&room_id) {
            timeline.trim(KEPT_MESSAGES);
        }
    }

    /// Forgets a room.
    pub fn remove(&mut self, room_id: RoomId) {
        self.all.remove(&room_id);
        self.visited.retain(|visited| *visited != room_id);
    }

    /// Forgets all rooms.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use shared::page::Page;

    use super::*;
    use crate::state::samples::{message, room_id};

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
    fn only_the_newest_messages_of_a_room_stay_when_the_user_leaves_it() {
        let mut timelines = Timelines::default();
        timelines.enter(room_id(1));
        let items = (1..=100).map(|seq| message(seq, seq)).collect();
        timelines.make(room_id(1)).show(Page { items, next_cursor: None, prev_cursor: None });
        timelines.leave(room_id(1));
        let timeline = timelines.get(room_id(1)).unwrap();
        assert_eq!((timeline.messages()[0].seq.0, timeline.messages().len()), (11, 90));
        assert!(timeline.is_loaded() && timeline.older().is_some());
    }
}
