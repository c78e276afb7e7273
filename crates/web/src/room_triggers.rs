//! Two triggers for each room, so that what happens in a room reaches only what shows that room.

use std::collections::HashMap;

use leptos::prelude::*;
use shared::ids::RoomId;

/// The triggers of all rooms. They belong to no component: each is made when it is first needed.
#[derive(Clone, Copy, Default)]
pub struct RoomTriggers {
    all: StoredValue<HashMap<RoomId, OfRoom>>,
}

/// The triggers of one room.
#[derive(Clone, Default)]
pub struct OfRoom {
    /// For the room itself and for how far the user has read it.
    pub facts: ArcTrigger,
    /// For its loaded messages.
    pub messages: ArcTrigger,
}

impl RoomTriggers {
    /// The triggers of a room.
    pub fn of(&self, room_id: RoomId) -> OfRoom {
        let triggers = self.all.try_update_value(|all| all.entry(room_id).or_default().clone());
        triggers.unwrap_or_default()
    }

    /// Everything may have changed.
    pub fn notify_all(&self) {
        for room in self.all.with_value(|all| all.values().cloned().collect::<Vec<_>>()) {
            room.facts.notify();
            room.messages.notify();
        }
    }
}
