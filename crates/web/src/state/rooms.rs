//! The list of rooms: pages from the server, kept live by what happens to rooms anywhere.
//!
//! Pure. Oldest first, as the server pages them; a new room is therefore always the last.

use std::collections::{HashMap, HashSet};

use shared::events::ServerEvent;
use shared::ids::{Rev, RoomId, Seq};
use shared::members::{RemovalReason, Viewer};
use shared::page::Cursor;
use shared::read_marks::ReadMark;
use shared::rooms::{Room, Visibility};
use shared::timestamp::Timestamp;

/// The rooms that are known here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoomList {
    rooms: Vec<Room>,
    /// The index of each room.
    places: HashMap<RoomId, usize>,
    next_cursor: Option<Cursor>,
    /// The last room of the pages that were loaded. Later ones were announced.
    paged_to: Option<Key>,
    loaded: bool,
    /// The rooms that the user is in, the one with the latest message first.
    latest: Vec<RoomId>,
}

/// The largest number of rooms in a page.
const MAX_PAGE: u32 = 100;

/// The order of the list.
type Key = (Timestamp, RoomId);

fn key(room: &Room) -> Key {
    (room.created_at, room.id)
}

/// Whether the user is a member.
fn is_member(room: &Room) -> bool {
    room.viewer.as_ref().is_some_and(|viewer| viewer.role.is_some())
}

/// How far the user has read a room that they are in, as far as the server said, and the version of that.
fn mark(viewer: Option<&Viewer>) -> Option<(Seq, i64)> {
    let viewer = viewer?;
    Some((viewer.last_read_seq?, viewer.read_version?))
}

/// Of two read marks the one with the higher version is right.
fn keep_newer_mark(known: Option<&Viewer>, viewer: &mut Option<Viewer>) {
    if let (Some(known), Some(viewer)) = (known, viewer)
        && viewer.read_version.is_some()
        && known.read_version > viewer.read_version
    {
        viewer.last_read_seq = known.last_read_seq;
        viewer.mentions = known.mentions;
        viewer.read_version = known.read_version;
    }
}

/// What a change touched, from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    /// Nothing changed.
    Nothing,
    /// One room.
    Room,
    /// The list: which rooms there are, what they are called and look like, who sees them, and whether the user is a member.
    List,
}

/// How far a list is loaded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nothing was loaded before.
    FirstPage,
    /// At least so many rooms.
    Count(usize),
    /// All rooms.
    End,
}

impl Reach {
    /// The size of the pages; `None` is the server's usual size.
    pub fn page_size(self) -> Option<u32> {
        match self {
            Self::FirstPage => None,
            Self::Count(_) | Self::End => Some(MAX_PAGE),
        }
    }

    /// Whether so many rooms are enough.
    pub fn is_covered_by(self, loaded: usize) -> bool {
        match self {
            Self::FirstPage => true,
            Self::Count(count) => loaded >= count,
            Self::End => false,
        }
    }
}

impl RoomList {
    /// The rooms, oldest first.
    pub fn all(&self) -> &[Room] {
        &self.rooms
    }

    /// The room of that id.
    pub fn get(&self, id: RoomId) -> Option<&Room> {
        self.rooms.get(*self.places.get(&id)?)
    }

    /// Whether the user is a member of any room.
    pub fn has_membership(&self) -> bool {
        !self.latest.is_empty()
    }

    /// Whether a room is among the user's: they are a member, or it is the server's own. For a
    /// user who is in no room yet, all rooms are.
    pub fn is_mine(&self, room: &Room) -> bool {
        !self.has_membership() || room.is_own || is_member(room)
    }

    /// The user's rooms, and the open room.
    pub fn mine(&self, open: Option<RoomId>) -> impl Iterator<Item = &Room> {
        self.rooms.iter().filter(move |room| Some(room.id) == open || self.is_mine(room))
    }

    /// All rooms: first those that the user is in, by their latest message.
    pub fn by_activity(&self) -> impl Iterator<Item = &Room> {
        let others = self.rooms.iter().filter(|room| !is_member(room));
        self.latest.iter().filter_map(|id| self.get(*id)).chain(others)
    }

    /// The room with the latest message, of those that the user is in.
    pub fn latest(&self) -> Option<RoomId> {
        self.latest.first().copied()
    }

    /// The order in which the server lists the rooms that the user is in: by their latest message.
    pub fn arrange(&mut self, ids: &[RoomId]) {
        ids.iter().rev().for_each(|id| self.bring_forward(*id));
    }

    /// Whether the first page has come.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Leads to the next page; `None` when there are no more.
    pub fn next_cursor(&self) -> Option<&Cursor> {
        self.next_cursor.as_ref()
    }

    /// How far the list must be loaded to bring it up to date.
    pub fn reach_of_list(&self) -> Reach {
        match &self.paged_to {
            None => Reach::FirstPage,
            // New rooms come last, so a list that shows the last ones is loaded to its end.
            Some(end) if self.next_cursor.is_none() || self.rooms.last().map(key).as_ref() > Some(end) => {
                Reach::End
            }
            Some(end) => Reach::Count(self.rooms.partition_point(|room| key(room) <= *end)),
        }
    }

    /// Takes in one or more pages as the server sent them. `next_cursor` leads to the next one.
    pub fn insert_pages(&mut self, rooms: Vec<Room>, next_cursor: Option<Cursor>) {
        let end = rooms.last().map(key);
        for room in rooms {
            self.insert(room);
        }
        // A shorter list does not undo how far this one was paged.
        if end >= self.paged_to || next_cursor.is_none() {
            self.next_cursor = next_cursor;
            self.paged_to = end.max(self.paged_to.take()).or_else(|| self.rooms.last().map(key));
        }
        self.loaded = true;
    }

    /// The listed rooms that should be in `loaded`, the beginning of the list, or the whole list, and are not.
    pub fn missing_in(&self, loaded: &[Room], is_whole: bool) -> Vec<Room> {
        let found: HashSet<RoomId> = loaded.iter().map(|room| room.id).collect();
        let end = loaded.last().map(key);
        let is_missing = |room: &&Room| (is_whole || Some(key(room)) <= end) && !found.contains(&room.id);
        self.rooms.iter().filter(is_missing).cloned().collect()
    }

    /// Takes in one room, or a newer copy of it.
    pub fn insert(&mut self, room: Room) -> Touched {
        let id = room.id;
        match self.get_mut(id) {
            Some(known) if known.rev <= room.rev => {
                // What everybody receives does not say what the user is.
                let mut viewer = room.viewer.clone().or_else(|| known.viewer.clone());
                keep_newer_mark(known.viewer.as_ref(), &mut viewer);
                let room = Room { last_seq: known.last_seq.max(room.last_seq), viewer, ..room };
                let is_same_line = known.name == room.name
                    && known.visibility == room.visibility
                    && known.avatar_url == room.avatar_url
                    && is_member(known) == is_member(&room);
                let touched = match *known == room {
                    true => Touched::Nothing,
                    false if is_same_line => Touched::Room,
                    false => Touched::List,
                };
                let (was, is) = (is_member(known), is_member(&room));
                *known = room;
                self.note_membership(id, was, is);
                touched
            }
            Some(_) => Touched::Nothing,
            None => {
                self.note_membership(id, false, is_member(&room));
                let place = self.rooms.partition_point(|known| key(known) < key(&room));
                self.rooms.insert(place, room);
                self.number_from(place);
                Touched::List
            }
        }
    }

    /// Forgets a room.
    pub fn remove(&mut self, id: RoomId) -> Option<Room> {
        let place = self.places.remove(&id)?;
        let room = self.rooms.remove(place);
        self.note_membership(id, is_member(&room), false);
        self.number_from(place);
        Some(room)
    }

    /// Says what the user is in a room, and may do there.
    pub fn set_viewer(&mut self, id: RoomId, mut viewer: Option<Viewer>) -> Touched {
        let Some(room) = self.get_mut(id) else { return Touched::Nothing };
        keep_newer_mark(room.viewer.as_ref(), &mut viewer);
        if room.viewer == viewer {
            return Touched::Nothing;
        }
        let was = is_member(room);
        room.viewer = viewer;
        let is = is_member(room);
        self.note_membership(id, was, is);
        if was == is { Touched::Room } else { Touched::List }
    }

    /// Says how far the user has read a room.
    pub fn set_mark(&mut self, id: RoomId, mark: ReadMark) -> Touched {
        let room = self.get_mut(id);
        let Some(viewer) = room.and_then(|room| room.viewer.as_mut()).filter(|viewer| viewer.role.is_some())
        else {
            return Touched::Nothing;
        };
        if viewer.read_version >= Some(mark.version) {
            return Touched::Nothing;
        }
        viewer.last_read_seq = Some(mark.seq);
        viewer.mentions = Some(mark.mentions);
        viewer.read_version = Some(mark.version);
        Touched::Room
    }

    /// How far the user has read a room that they are in, as far as the server said.
    pub fn read_mark(&self, id: RoomId) -> Option<(Seq, i64)> {
        mark(self.get(id)?.viewer.as_ref())
    }

    /// The user became somebody: forgets what they might do in rooms while they were nobody there.
    pub fn forget_outside_views(&mut self) {
        for room in self.rooms.iter_mut().filter(|room| !is_member(room)) {
            room.viewer = None;
        }
    }

    /// The user is nobody now: forgets what they are in the rooms. Returns the private rooms, which are none of their business
    /// any more.
    pub fn forget_viewers(&mut self) -> Vec<RoomId> {
        self.latest.clear();
        self.rooms.iter_mut().for_each(|room| room.viewer = None);
        let private = self.rooms.iter().filter(|room| room.visibility != Visibility::Public);
        private.map(|room| room.id).collect()
    }

    /// Says that a room has a message of this number.
    pub fn reach(&mut self, id: RoomId, seq: Seq) -> Touched {
        match self.get_mut(id) {
            Some(room) if room.last_seq < seq => {
                room.last_seq = seq;
                self.bring_forward(id);
                Touched::Room
            }
            _ => Touched::Nothing,
        }
    }

    /// Follows what happened.
    pub fn apply(&mut self, event: &ServerEvent) -> Touched {
        match event {
            ServerEvent::RoomCreated(change) | ServerEvent::RoomUpdated(change) => {
                let online = self.get(change.room.id).map(|room| room.online);
                let room = change.room.clone();
                self.insert(Room { online: online.unwrap_or(room.online), ..room })
            }
            ServerEvent::Subscribed { room, .. } => self.insert(room.clone()),
            ServerEvent::RoomDeleted(change) => {
                self.remove(change.room.id).map_or(Touched::Nothing, |_| Touched::List)
            }
            ServerEvent::MessageCreated(change)
            | ServerEvent::MessageUpdated(change)
            | ServerEvent::MessageDeleted(change) => self.reach(change.room_id, change.message.seq),
            ServerEvent::RoomAdded { room } => self.insert(room.clone()),
            ServerEvent::RoomRemoved { room_id, .. } => {
                self.remove(*room_id).map_or(Touched::Nothing, |_| Touched::List)
            }
            ServerEvent::ViewerUpdated { room_id, viewer } => self.set_viewer(*room_id, Some(viewer.clone())),
            ServerEvent::Read { room_id, mark } => self.set_mark(*room_id, *mark),
            ServerEvent::MemberJoined(change) => self.count_member(change.room_id, change.rev, 1),
            ServerEvent::MemberLeft { room_id, rev, .. } => self.count_member(*room_id, *rev, -1),
            ServerEvent::MemberUpdated(_)
            | ServerEvent::Reacted { .. }
            | ServerEvent::Hello { .. }
            | ServerEvent::Presence { .. }
            | ServerEvent::Typing { .. }
            | ServerEvent::Resync { .. }
            | ServerEvent::Pong { .. }
            | ServerEvent::Closed { .. }
            | ServerEvent::Error { .. }
            | ServerEvent::Unknown => Touched::Nothing,
        }
    }

    /// Somebody joined or left, unless the room as it is known reflects that already.
    fn count_member(&mut self, id: RoomId, rev: Rev, difference: i32) -> Touched {
        match self.get_mut(id) {
            Some(room) if room.rev < rev => {
                room.rev = rev;
                room.member_count = room.member_count.saturating_add_signed(difference);
                Touched::Room
            }
            _ => Touched::Nothing,
        }
    }

    fn note_membership(&mut self, id: RoomId, was: bool, is: bool) {
        if was && !is {
            self.latest.retain(|known| *known != id);
        }
        if is && !was {
            self.latest.insert(0, id);
        }
    }

    /// Makes a room the one with the latest message, if the user is in it.
    fn bring_forward(&mut self, id: RoomId) {
        if let Some(place) = self.latest.iter().position(|known| *known == id) {
            self.latest[..=place].rotate_right(1);
        }
    }

    fn get_mut(&mut self, id: RoomId) -> Option<&mut Room> {
        self.rooms.get_mut(*self.places.get(&id)?)
    }

    /// Corrects the index of the rooms from this one on. New rooms are the last ones.
    fn number_from(&mut self, first: usize) {
        for (place, room) in self.rooms.iter().enumerate().skip(first) {
            self.places.insert(room.id, place);
        }
    }
}

/// What to say about a room that is gone. `lost` messages to it were not sent.
pub fn gone_sentence(name: &str, reason: RemovalReason, lost: usize) -> String {
    let news = match reason {
        RemovalReason::Left => format!("You left {name}."),
        RemovalReason::Removed => format!("You were removed from {name}."),
        RemovalReason::Banned => format!("You were banned from {name}."),
        RemovalReason::MadePrivate => format!("{name} is private now."),
        RemovalReason::Deleted => format!("{name} has been deleted."),
        RemovalReason::Unknown => format!("{name} is no longer available to you."),
    };
    match lost {
        0 => news,
        1 => format!("{news} One message to it was not sent."),
        many => format!("{news} {many} messages to it were not sent."),
    }
}

#[cfg(test)]
mod tests {
    use shared::events::{MemberChange, RoomChange};
    use shared::members::{LeaveReason, Role};
    use shared::rooms::RoomName;

    use super::*;
    use crate::state::samples::{member, room, room_id, user, viewer};

    fn more() -> Option<Cursor> {
        Some(Cursor("more".to_owned()))
    }

    fn names(list: &RoomList) -> Vec<&str> {
        list.all().iter().map(|room| room.name.as_str()).collect()
    }

    #[test]
    fn a_new_room_comes_last_and_only_once_although_its_page_comes_later() {
        let mut list = RoomList::default();
        list.insert_pages(vec![room(1, "one"), room(2, "two")], more());
        let created = ServerEvent::RoomCreated(RoomChange { room: room(9, "nine"), rev: Rev(0) });
        list.apply(&created);
        assert_eq!(names(&list), ["one", "two", "nine"]);
        list.insert_pages(vec![room(3, "three"), room(9, "nine")], None);
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

    fn room_of(number: u8, role: Option<Role>) -> Room {
        Room { viewer: Some(viewer(role)), ..room(number, "room") }
    }

    fn mine(list: &RoomList, open: Option<RoomId>) -> Vec<RoomId> {
        list.mine(open).map(|room| room.id).collect()
    }

    #[test]
    fn the_users_rooms_are_those_they_are_in_and_all_rooms_while_they_are_in_none() {
        let mut list = RoomList::default();
        list.insert(Room { is_own: true, ..room_of(1, None) });
        list.insert(room_of(2, None));
        list.insert(room_of(3, None));
        assert_eq!(mine(&list, None), [room_id(1), room_id(2), room_id(3)]);
        let joined = ServerEvent::ViewerUpdated { room_id: room_id(3), viewer: viewer(Some(Role::Guest)) };
        assert_eq!(list.apply(&joined), Touched::List);
        assert_eq!(mine(&list, None), [room_id(1), room_id(3)]);
        assert_eq!(mine(&list, Some(room_id(2))), [room_id(1), room_id(2), room_id(3)], "the open one, too");
        list.remove(room_id(3));
        assert_eq!(mine(&list, None), [room_id(1), room_id(2)]);
    }

    #[test]
    fn the_users_rooms_come_first_by_their_latest_message() {
        let mut list = RoomList::default();
        list.insert(room_of(1, None));
        for number in 2..=4 {
            list.insert(room_of(number, Some(Role::Guest)));
        }
        let order = |list: &RoomList| list.by_activity().map(|room| room.id).collect::<Vec<_>>();
        assert_eq!(order(&list), [4, 3, 2, 1].map(room_id), "the one they came into last");
        list.arrange(&[3, 2, 4].map(room_id));
        assert_eq!(order(&list), [3, 2, 4, 1].map(room_id));
        list.reach(room_id(4), Seq(9));
        list.reach(room_id(1), Seq(9));
        assert_eq!(order(&list), [4, 3, 2, 1].map(room_id));
        list.set_viewer(room_id(3), Some(viewer(None)));
        list.remove(room_id(4));
        assert_eq!(order(&list), [2, 1, 3].map(room_id));
    }

    fn read(version: i64, seq: i64) -> Viewer {
        let (last_read_seq, read_version) = (Some(Seq(seq)), Some(version));
        Viewer { last_read_seq, read_version, mentions: Some(1), ..viewer(Some(Role::Guest)) }
    }

    #[test]
    fn of_two_read_marks_the_one_with_the_higher_version_stays() {
        let mut list = RoomList::default();
        list.insert(Room { viewer: Some(read(3, 7)), ..room(1, "one") });
        let mark = |version, seq| ServerEvent::Read {
            room_id: room_id(1),
            mark: ReadMark { seq: Seq(seq), mentions: 0, version },
        };
        assert_eq!(list.apply(&mark(2, 9)), Touched::Nothing);
        assert_eq!(list.apply(&mark(4, 5)), Touched::Room, "marked as unread");
        list.insert(Room { viewer: Some(read(3, 7)), rev: Rev(9), ..room(1, "one") });
        assert_eq!(list.read_mark(room_id(1)), Some((Seq(5), 4)), "the list was older");
        list.set_viewer(room_id(1), Some(read(5, 8)));
        assert_eq!(list.read_mark(room_id(1)), Some((Seq(8), 5)));
        list.set_viewer(room_id(1), Some(viewer(None)));
        assert_eq!(list.read_mark(room_id(1)), None, "they left");
        assert_eq!(list.apply(&mark(9, 9)), Touched::Nothing);
    }

    #[test]
    fn what_everybody_receives_does_not_change_what_the_user_is() {
        let mut list = RoomList::default();
        list.insert(room_of(1, Some(Role::Owner)));
        let renamed = Room { rev: Rev(2), ..room(1, "uno") };
        list.apply(&ServerEvent::RoomUpdated(RoomChange { room: renamed, rev: Rev(2) }));
        let role = list.get(room_id(1)).and_then(|room| room.viewer.as_ref()).and_then(|viewer| viewer.role);
        assert_eq!(role, Some(Role::Owner));
        list.insert(Room { visibility: Visibility::Private, ..room_of(2, Some(Role::Guest)) });
        assert_eq!(list.forget_viewers(), [room_id(2)]);
        assert!(!list.has_membership());
    }

    #[test]
    fn members_are_counted_once() {
        let mut list = RoomList::default();
        list.insert(Room { rev: Rev(4), member_count: 2, ..room(1, "one") });
        let joined = |rev| {
            let member = member(7, "grace", Role::Guest);
            ServerEvent::MemberJoined(MemberChange { room_id: room_id(1), rev: Rev(rev), member })
        };
        assert_eq!(list.apply(&joined(4)), Touched::Nothing, "it is counted already");
        assert_eq!(list.apply(&joined(5)), Touched::Room);
        let left = ServerEvent::MemberLeft {
            room_id: room_id(1),
            rev: Rev(6),
            user_id: user(7, "grace").id,
            reason: LeaveReason::Left,
        };
        list.apply(&left);
        list.apply(&left);
        assert_eq!(list.get(room_id(1)).map(|room| room.member_count), Some(2));
    }

    #[test]
    fn a_deleted_room_leaves_the_list() {
        let mut list = RoomList::default();
        list.insert(room(1, "one"));
        list.apply(&ServerEvent::RoomDeleted(RoomChange { room: room(1, "one"), rev: Rev(1) }));
        assert!(list.all().is_empty());
    }

    #[test]
    fn a_change_tells_what_it_touched() {
        let mut list = RoomList::default();
        assert_eq!(list.insert(room(2, "two")), Touched::List);
        assert_eq!(list.insert(room(1, "one")), Touched::List);
        assert_eq!(list.insert(room(1, "one")), Touched::Nothing);
        assert_eq!(list.reach(room(2, "two").id, Seq(5)), Touched::Room);
        assert_eq!(list.reach(room(2, "two").id, Seq(4)), Touched::Nothing);
        assert_eq!(list.insert(Room { rev: Rev(1), ..room(2, "zwei") }), Touched::List);
        assert!(list.remove(room(1, "one").id).is_some());
        assert_eq!(list.get(room(2, "two").id).map(|room| room.last_seq), Some(Seq(5)));
    }

    #[test]
    fn a_list_is_loaded_again_as_far_as_it_reaches() {
        let mut list = RoomList::default();
        assert_eq!(list.reach_of_list(), Reach::FirstPage);
        list.insert_pages(vec![room(1, "one"), room(2, "two")], more());
        assert_eq!(list.reach_of_list(), Reach::Count(2));
        list.insert(room(9, "announced"));
        assert_eq!(list.reach_of_list(), Reach::End, "the last rooms are shown");
        list.insert_pages(vec![room(3, "three"), room(9, "announced")], None);
        assert_eq!((list.reach_of_list(), list.next_cursor()), (Reach::End, None));
        list.insert_pages(vec![room(1, "one")], more());
        assert_eq!(list.next_cursor(), None, "a shorter page does not undo it");
        assert!(!Reach::End.is_covered_by(1_000) && Reach::Count(2).is_covered_by(2));
    }

    #[test]
    fn a_room_that_is_missing_in_the_loaded_part_is_gone() {
        let mut list = RoomList::default();
        list.insert_pages(vec![room(1, "one"), room(2, "two"), room(3, "three"), room(9, "nine")], None);
        let missing = |loaded: &[Room], is_whole| {
            let missing = list.missing_in(loaded, is_whole);
            missing.into_iter().map(|room| room.id).collect::<Vec<_>>()
        };
        assert_eq!(missing(&[room(1, "one"), room(3, "three")], false), [room(2, "two").id]);
        assert_eq!(missing(&[room(1, "one"), room(2, "two"), room(3, "three")], true), [room(9, "nine").id]);
    }
}
