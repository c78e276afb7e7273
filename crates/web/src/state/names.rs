//! What users are called now: their messages are shown under their present name.

use shared::events::ServerEvent;
use shared::messages::Author;
use shared::users::User;

use leptos::prelude::*;

use crate::state::State;

impl State {
    /// Learns names from who comes into a room.
    pub fn learn_names(&self, event: &ServerEvent) {
        if let ServerEvent::Presence { joined, .. } = event {
            for user in joined {
                self.learn_name(user);
            }
        }
    }

    /// A user is called so from now on.
    pub fn learn_name(&self, user: &User) {
        let author = Author::from(user);
        let renamed = self.timelines.try_update_value(|timelines| timelines.call(&author));
        for room_id in renamed.unwrap_or_default() {
            self.triggers.of(room_id).messages.notify();
        }
    }
}
