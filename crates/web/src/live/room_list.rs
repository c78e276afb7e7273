//! Loads the list of rooms, and loads it again when it may be out of date.

use std::collections::HashSet;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::events::ServerEvent;
use shared::ids::RoomId;
use shared::members::{LeaveReason, RemovalReason};
use shared::page::Cursor;
use shared::rooms::Room;

use super::Live;
use crate::browser::{self, keys};
use crate::client::{self, ClientError};
use crate::route::Route;
use crate::state::Followup;
use crate::state::connection::Connection;
use crate::state::rooms::{Reach, RoomList, gone_sentence};
use crate::state::toasts::Tone;

/// How often the list is loaded again while some of its rooms are not followed.
const RELIST_MILLIS: i64 = 60_000;
/// How long after a passing failure the list is loaded again.
const RETRY_MILLIS: i64 = 5_000;

impl Live {
    /// Loads the first page of rooms. If rooms are listed already, loads as far as they reach: rooms that were created
    /// or deleted meanwhile are in no replay.
    pub fn load_rooms(self) {
        self.listed_at.set_value(browser::now());
        self.listing_failed.set_value(false);
        let (reach, listed) = self.state.rooms.with_untracked(|rooms| {
            (rooms.reach_of_list(), rooms.all().iter().map(|room| room.id).collect::<HashSet<_>>())
        });
        let is_somebody = self.state.me().is_some();
        spawn_local(async move {
            if is_somebody && let Err(error) = self.load_my_rooms().await {
                return self.note_listing_failure(&error);
            }
            let mut loaded = Vec::new();
            let mut cursor = None;
            loop {
                match client::rooms::list(cursor.as_ref(), reach.page_size()).await {
                    Ok(page) => {
                        loaded.extend(page.items);
                        cursor = page.next_cursor;
                    }
                    Err(error) => return self.note_listing_failure(&error),
                }
                if cursor.is_none() || reach.is_covered_by(loaded.len()) {
                    return self.take_list(loaded, cursor, &listed);
                }
            }
        });
    }

    /// Loads the rooms that the user is in, the busiest first: they are followed before all others.
    async fn load_my_rooms(self) -> Result<(), ClientError> {
        let mut cursor = None;
        let mut order = Vec::new();
        loop {
            let page = client::rooms::list_mine(cursor.as_ref()).await?;
            order.extend(page.items.iter().map(|room| room.id));
            page.items.into_iter().for_each(|room| self.take_room(room));
            cursor = page.next_cursor;
            if cursor.is_none() {
                self.state.arrange_rooms(&order);
                return Ok(());
            }
        }
    }

    /// Loads the list again, unless it is about to be loaded for the first time.
    pub fn refresh_rooms(self) {
        let is_open = self.state.connection.with_untracked(Connection::is_open);
        if is_open || self.state.rooms.with_untracked(RoomList::is_loaded) {
            self.load_rooms();
        }
    }

    /// Loads the next page of rooms, and then calls `done`.
    pub fn load_more_rooms(self, done: impl FnOnce() + 'static) {
        let Some(cursor) = self.state.rooms.with_untracked(|rooms| rooms.next_cursor().cloned()) else {
            return done();
        };
        spawn_local(async move {
            match client::rooms::list(Some(&cursor), None).await {
                Ok(page) => self.take_rooms(page.items, page.next_cursor),
                Err(error) => self.state.toast(Tone::Error, error.sentence(), browser::now()),
            }
            done();
        });
    }

    /// Loads all rooms that are not listed yet, so that a search finds them.
    pub fn load_all_rooms(self) {
        spawn_local(async move {
            while let Some(cursor) = self.state.rooms.with_untracked(|rooms| rooms.next_cursor().cloned()) {
                match client::rooms::list(Some(&cursor), Reach::End.page_size()).await {
                    Ok(page) => self.take_rooms(page.items, page.next_cursor),
                    Err(error) => return self.note_listing_failure(&error),
                }
            }
        });
    }

    /// Takes in one room, and follows it.
    pub fn take_room(self, room: Room) {
        let (room_id, rev) = (room.id, room.rev);
        self.state.take_room(room);
        self.follow(room_id, rev);
    }

    /// Forgets a room that is gone. If it is open and the user did not leave or see it deleted, its place says why.
    /// `lost` messages to it were not sent.
    pub fn room_gone(self, room_id: RoomId, name: &str, reason: RemovalReason, lost: usize) {
        browser::save(&keys::draft(room_id), "");
        self.subscriptions.update_value(|subscriptions| subscriptions.remove(room_id));
        if browser::load(keys::LAST_ROOM).is_some_and(|last| last == room_id.to_string()) {
            browser::save(keys::LAST_ROOM, "");
        }
        let is_here = self.navigation.here().room() == Some(room_id);
        // What was announced may be of this room.
        browser::announce(None);
        if is_here {
            self.open_room.set_value(None);
        }
        if is_here && !matches!(reason, RemovalReason::Deleted | RemovalReason::Left) {
            let sentence = gone_sentence(name, reason, lost);
            browser::announce(Some(&sentence));
            return self.state.departed.set(Some((room_id, sentence)));
        }
        if is_here {
            self.navigation.replace(Route::Rooms);
        }
        if is_here || lost > 0 || matches!(reason, RemovalReason::Removed | RemovalReason::Banned) {
            self.state.toast(Tone::Notice, gone_sentence(name, reason, lost), browser::now());
        }
    }

    /// The user has a room again whose place says that they lost it.
    pub(super) fn regain(self, room_id: RoomId) {
        let departed = self.state.departed.with_untracked(|it| it.as_ref().map(|departed| departed.0));
        if departed == Some(room_id) && self.navigation.here().room() == Some(room_id) {
            self.enter(Some(room_id));
            self.generation.update(|generation| *generation += 1);
        }
    }

    /// Tells a user who was removed from a public room, which they still see.
    pub(super) fn tell_of_removal(self, event: &ServerEvent) {
        if let ServerEvent::MemberLeft { room_id, user_id, reason: LeaveReason::Removed, .. } = event
            && self.state.me() == Some(*user_id)
            && let Some(name) = self.state.room_name(*room_id)
        {
            let words = gone_sentence(&name, RemovalReason::Removed, 0);
            self.state.toast(Tone::Notice, words, browser::now());
        }
    }

    /// Loads the next page of the members of the open room.
    pub fn load_members(self, room_id: RoomId) {
        let cursor = self.state.members.with_untracked(|members| members.next_cursor().cloned());
        spawn_local(async move {
            // Without an answer the list shows who is here. The next visit loads it again.
            if let Ok(page) = client::members::list(room_id, cursor.as_ref()).await {
                self.state.members.update(|members| members.insert_page(room_id, page));
            }
        });
    }

    /// Loads the list again after a passing failure, and from time to time while the server does not report every room by
    /// itself.
    pub(super) fn list_again(self, now: i64) {
        let listed = self.state.rooms.with_untracked(|rooms| rooms.all().len());
        let followed = self.state.follows.with_value(|follows| follows.count());
        let has_given_up = self.subscriptions.with_value(|subscriptions| subscriptions.has_given_up());
        let pause = match (self.listing_failed.get_value(), has_given_up || followed < listed) {
            (true, _) => RETRY_MILLIS,
            (false, true) => RELIST_MILLIS,
            (false, false) => return,
        };
        let is_open = self.state.connection.with_untracked(Connection::is_open);
        if is_open && now - self.listed_at.get_value() >= pause {
            self.load_rooms();
        }
    }

    /// Takes in the beginning of the list. Rooms that were listed in that part before, and are not there any more, are
    /// gone.
    fn take_list(self, loaded: Vec<Room>, next_cursor: Option<Cursor>, listed: &HashSet<RoomId>) {
        let is_whole = next_cursor.is_none();
        let gone = self.state.rooms.with_untracked(|rooms| rooms.missing_in(&loaded, is_whole));
        for room in gone.into_iter().filter(|room| listed.contains(&room.id)) {
            let name = room.name.as_str().to_owned();
            let gone = self.state.remove_room(room.id, name, RemovalReason::Unknown);
            if let Followup::Gone { room_id, name, reason, lost } = gone {
                self.room_gone(room_id, &name, reason, lost);
            }
        }
        self.take_rooms(loaded, next_cursor);
        // Unread messages count in every room that the user knows.
        let state = self.state;
        if state.rooms.with_untracked(|rooms| state.reading.with_value(|it| it.has_unlisted(rooms))) {
            self.load_all_rooms();
        }
    }

    fn take_rooms(self, loaded: Vec<Room>, next_cursor: Option<Cursor>) {
        let rooms = loaded.iter().map(|room| (room.id, room.rev)).collect::<Vec<_>>();
        self.state.take_rooms(loaded, next_cursor);
        for (room_id, rev) in rooms {
            self.follow(room_id, rev);
        }
    }

    fn note_listing_failure(self, error: &ClientError) {
        if error.is_passing() {
            self.listing_failed.set_value(true);
            self.listed_at.set_value(browser::now() + error.retry_after_millis());
        } else {
            self.state.toast(Tone::Error, error.sentence(), browser::now());
        }
    }
}
