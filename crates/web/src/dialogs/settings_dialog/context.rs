//! What the sections of the settings share.

use leptos::prelude::*;
use shared::users::User;

use crate::dialogs::unsaved::Unsaved;
use crate::live::Live;
use crate::overlays::Overlays;
use crate::state::State;

/// The app's contexts, and the dialog's unsaved changes.
#[derive(Clone, Copy)]
pub struct Settings {
    /// Everything the client knows.
    pub state: State,
    /// The connection.
    pub live: Live,
    /// Menus and dialogs.
    pub overlays: Overlays,
    /// The dialog's unsaved changes.
    pub unsaved: Unsaved,
}

impl Settings {
    /// The user, not tracked.
    pub fn user(self) -> Option<User> {
        self.state.identity.with_untracked(|identity| identity.user().cloned())
    }
}
