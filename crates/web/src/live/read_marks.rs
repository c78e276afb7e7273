//! Tells the server how far the user has read: at most once a second and room, and never twice at a time.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::{RoomId, Seq};

use super::Live;
use crate::browser;
use crate::client;
use crate::state::connection::Connection;
use crate::state::toasts::Tone;

/// The pause between two requests about a room.
const PAUSE_MILLIS: i64 = 1_000;
/// The pause after one that failed.
const RETRY_MILLIS: i64 = 5_000;

impl Live {
    /// Tells what the server does not know yet.
    pub(super) fn tell_marks(self, now: i64) {
        if !self.state.connection.with_untracked(Connection::is_open) {
            return;
        }
        self.told_marks.update_value(|told| told.retain(|(_, until)| *until > now));
        for (room_id, seq) in self.state.untold_marks() {
            let is_waiting =
                self.told_marks.with_value(|told| told.iter().any(|(known, _)| *known == room_id));
            if !is_waiting {
                self.tell_mark(room_id, seq);
            }
        }
    }

    fn tell_mark(self, room_id: RoomId, seq: Seq) {
        // As long as the answer is not there, nothing else is asked of this room.
        self.wait_for_mark(room_id, i64::MAX);
        spawn_local(async move {
            let pause = match client::read_marks::put(room_id, seq, false).await {
                Ok(mark) => {
                    self.state.take_mark(room_id, mark);
                    PAUSE_MILLIS
                }
                Err(error) => RETRY_MILLIS.max(error.retry_after_millis()),
            };
            self.wait_for_mark(room_id, browser::now() + pause);
        });
    }

    fn wait_for_mark(self, room_id: RoomId, until: i64) {
        self.told_marks.update_value(|told| {
            told.retain(|(known, _)| *known != room_id);
            told.push((room_id, until));
        });
    }

    /// Marks a message and all after it as unread. Nothing is marked as read from then on, until the user leaves the room
    /// or sends a message.
    pub fn mark_unread(self, room_id: RoomId, seq: Seq) {
        let before = Seq(seq.0 - 1);
        self.state.mark_unread(room_id, before);
        spawn_local(async move {
            match client::read_marks::put(room_id, before, true).await {
                Ok(mark) => self.state.take_mark(room_id, mark),
                Err(error) => self.state.toast(Tone::Error, error.sentence(), browser::now()),
            }
        });
    }
}
