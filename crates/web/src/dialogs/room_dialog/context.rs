//! What the parts of the dialog share.

use leptos::prelude::*;
use shared::ids::RoomId;
use shared::members::{Operation, Role};

use crate::client::ClientError;
use crate::dialogs::unsaved::Unsaved;
use crate::live::Live;
use crate::overlays::Overlays;
use crate::state::State;

/// The room of the dialog, and the app's contexts.
#[derive(Clone, Copy)]
pub struct Dialog {
    /// Everything the client knows.
    pub state: State,
    /// The connection.
    pub live: Live,
    /// Menus and dialogs.
    pub overlays: Overlays,
    /// The dialog's unsaved changes.
    pub unsaved: Unsaved,
    /// The room.
    pub room_id: RoomId,
}

impl Dialog {
    /// Whether the user may do this in the room, tracked.
    pub fn may(self, operation: Operation) -> bool {
        self.state.may(self.room_id, operation)
    }

    /// The user's role in the room, not tracked.
    pub fn role(self) -> Option<Role> {
        let role = |room: &shared::rooms::Room| room.viewer.as_ref().and_then(|viewer| viewer.role);
        self.state.rooms.with_untracked(|rooms| rooms.get(self.room_id).and_then(role))
    }

    /// The roles that the user may give to others, the lowest first.
    pub fn roles_to_give(self) -> Vec<Role> {
        let mut roles = vec![Role::Guest, Role::Member];
        if self.role() == Some(Role::Owner) {
            roles.push(Role::Moderator);
        }
        roles
    }

    /// The room's name, not tracked.
    pub fn name(self) -> String {
        self.state.room_name(self.room_id).unwrap_or_default()
    }
}

/// What a request has done already counts as done.
pub fn or_gone(outcome: Result<(), ClientError>) -> Result<(), ClientError> {
    match outcome {
        Err(error) if !error.is_missing() => Err(error),
        _ => Ok(()),
    }
}
