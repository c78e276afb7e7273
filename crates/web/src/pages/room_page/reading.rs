//! What the user has read of the room, and where the "New" divider stands.

use leptos::prelude::*;
use shared::ids::Seq;

use crate::pages::room_page::context::RoomContext;

impl RoomContext {
    /// Moves the read mark while the user sees the end. Returns the message before the "New" divider.
    pub fn follow_reading(self) -> RwSignal<Option<Seq>> {
        let Self { state, live, room_id, at_end, .. } = self;
        let last_read = move || state.reading.with_value(|reading| reading.last_read(room_id));
        let has_unread = move || {
            state.rooms.with_untracked(|rooms| rooms.get(room_id).map(|room| room.last_seq)) > last_read()
        };
        let new_after = RwSignal::new(has_unread().then(last_read).flatten());
        Effect::new(move |before: Option<bool>| {
            let visible = live.visible.get();
            if before == Some(true) && !visible {
                // Messages that arrive from now on are new when the user returns.
                new_after.set(last_read());
            } else if before == Some(false) && visible && !has_unread() {
                new_after.set(None);
            }
            visible
        });
        Effect::new(move || {
            let looking = at_end.get() && live.visible.get();
            let last = state.timeline(room_id, |timeline| {
                let timeline = timeline.filter(|timeline| timeline.is_at_newest())?;
                timeline.messages().last().map(|message| message.seq)
            });
            // Until the list has scrolled to its target, `at_end` means nothing.
            if let Some(last) = last.filter(|_| looking && self.target.get().is_none()) {
                state.mark_read(room_id, last);
            }
        });
        new_after
    }
}
