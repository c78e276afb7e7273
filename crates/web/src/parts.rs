//! The parts of the client that most visits do not need, and how pages draw them without knowing how they are loaded.

pub mod composer_files;
pub mod editor_files;
pub mod message_files;

use leptos::prelude::*;
use shared::files::Attachment;
use shared::ids::RoomId;

use crate::state::rows::MessageRow;

/// A part that is loaded later.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All dialogs, and what works beside them. They are loaded when the first of them opens.
    Dialogs,
    /// The page of the setup link.
    Setup,
    /// The page of a reset link.
    Reset,
    /// The page of an invite.
    Invite,
    /// The page of the server's admins.
    Admin,
    /// What adds files to a room's draft, and its files. It comes when something else was loaded, or soon after the start.
    ComposerFiles(RoomId, RwSignal<Option<String>>),
    /// The files of a message.
    MessageFiles(RwSignal<MessageRow>),
    /// The files that a message keeps that is being edited.
    EditorFiles(RwSignal<Vec<Attachment>>),
}

/// What draws the parts. Provided as a context by the app.
#[derive(Clone, Copy)]
pub struct Parts {
    /// Whether they are loaded.
    pub are_loaded: RwSignal<bool>,
    draw: Callback<Part, AnyView>,
}

impl Parts {
    /// Draws parts in this way.
    pub fn new(draw: Callback<Part, AnyView>) -> Self {
        Self { are_loaded: RwSignal::new(false), draw }
    }

    /// Draws a part, which may have to be loaded first.
    pub fn draw(self, part: Part) -> AnyView {
        self.draw.run(part)
    }
}
