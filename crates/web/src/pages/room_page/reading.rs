//! What the user has read of the room, and where the "New" divider stands.

use leptos::prelude::*;
use shared::ids::Seq;

use crate::boxed::effect;
use crate::components::message_list::target::ScrollTarget;
use crate::pages::room_page::context::RoomContext;

impl RoomContext {
    /// Moves the read mark while the user looks at the end. Moves the divider when there are new messages and the user
    /// looks elsewhere.
    pub fn follow_reading(self) {
        let Self { state, live, room_id, at_end, target, loading, new_after, .. } = self;
        let last_read = move || state.reading.with_value(|reading| reading.last_read(room_id));
        let (mut was_open, mut was_attentive) = (false, true);
        effect(move || {
            let attentive = live.attentive.get();
            let returned = attentive && !was_attentive;
            was_attentive = attentive;
            let newest = state.timeline(room_id, |timeline| {
                let timeline = timeline.filter(|timeline| timeline.is_at_newest())?;
                timeline.messages().last().map(|message| message.seq)
            });
            let Some(newest) = newest else { return };
            let has_unread = Some(newest) > last_read();
            if !was_open && !has_unread {
                new_after.set(None);
            } else if !attentive && has_unread && new_after.get_untracked() != last_read() {
                new_after.set(last_read());
            } else if returned && has_unread && at_end.get_untracked() {
                // The first unread message may be above the view by now.
                target.set(Some(ScrollTarget::Unread));
            }
            was_open = true;
            // Until the list has loaded its target and has scrolled to it, `at_end` means nothing.
            let has_arrived = !loading.get() && target.get().is_none();
            let is_held = state.held.get() == Some(room_id);
            if at_end.get() && attentive && has_arrived && !is_held {
                state.mark_read(room_id, newest);
            }
        });
    }

    /// The first unread message, if it is above the loaded ones, which begin at `first`.
    pub fn unread_above(self, first: Option<Seq>) -> Option<Seq> {
        let unread = self.new_after.get_untracked()?.next();
        (first? > unread).then_some(unread)
    }
}
