//! What the user has read of the room, and where the "New" divider stands.

use std::borrow::Borrow;

use leptos::prelude::*;
use shared::ids::Seq;
use shared::messages::Message;

use crate::components::message_list::target::ScrollTarget;
use crate::pages::room_page::context::RoomContext;

impl RoomContext {
    /// Moves the read mark while the user looks at the end. Moves the divider when there are new messages and the user
    /// looks elsewhere.
    pub fn follow_reading(self) {
        let Self { state, live, room_id, at_end, target, new_after, .. } = self;
        let last_read = move || state.reading.with_value(|reading| reading.last_read(room_id));
        let newest = Memo::new(move |_| {
            state.timeline(room_id, |timeline| {
                let timeline = timeline.filter(|timeline| timeline.is_at_newest())?;
                timeline.messages().last().map(|message| message.seq)
            })
        });
        Effect::new(move |before: Option<(bool, bool)>| {
            let (was_open, was_attentive) = before.unwrap_or((false, true));
            let attentive = live.attentive.get();
            let Some(newest) = newest.get() else { return (was_open, attentive) };
            let has_unread = Some(newest) > last_read();
            if !was_open && !has_unread {
                new_after.set(None);
            } else if !attentive && has_unread && new_after.get_untracked() != last_read() {
                new_after.set(last_read());
            } else if attentive && !was_attentive && has_unread && at_end.get_untracked() {
                // The first unread message may be above the view by now.
                target.set(Some(ScrollTarget::Unread));
            }
            // Until the list has scrolled to its target, `at_end` means nothing.
            if at_end.get() && attentive && target.get().is_none() {
                state.mark_read(room_id, newest);
            }
            (true, attentive)
        });
    }

    /// The first unread message, if it is above these.
    pub fn unread_above<T: Borrow<Message>>(self, messages: &[T]) -> Option<Seq> {
        let unread = self.new_after.get_untracked()?.next();
        (messages.first()?.borrow().seq > unread).then_some(unread)
    }
}
