//! How far one has read this room, and where the "New" divider stands.

use leptos::prelude::*;
use shared::ids::Seq;

use super::Context;
use crate::reactive::effect;

impl Context {
    /// Moves the read mark while one looks at the end. Returns the place of the "New" divider.
    pub(super) fn follow_reading(self) -> RwSignal<Option<Seq>> {
        let Self { state, live, room_id, at_end, .. } = self;
        let last_read = move || state.reading.with_untracked(|reading| reading.last_read(room_id));
        let has_unread = move || {
            state.rooms.with_untracked(|rooms| rooms.get(room_id).map(|room| room.last_seq)) > last_read()
        };
        let new_after = RwSignal::new(has_unread().then(last_read).flatten());
        Effect::new(move |before: Option<bool>| {
            let visible = live.visible.get();
            if before == Some(true) && !visible {
                // What comes from now on is new when one looks again.
                new_after.set(last_read());
            } else if before == Some(false) && visible && !has_unread() {
                new_after.set(None);
            }
            visible
        });
        effect(move || {
            let looking = at_end.get() && live.visible.get();
            let last = state.timelines.with(|timelines| {
                let timeline = timelines.get(&room_id).filter(|timeline| timeline.is_at_newest())?;
                timeline.messages().last().map(|message| message.seq)
            });
            // While the list still has to go to where it starts, "at the end" means nothing.
            if let Some(last) = last.filter(|_| looking && self.start.get().is_none()) {
                state.mark_read(room_id, last);
            }
        });
        new_after
    }
}
