//! The parts of the client that most visits do not need, and how pages draw them without knowing how they are loaded.

pub mod composer_files;
pub mod composer_tools;
mod file_name;
pub mod message_editor;
pub mod message_files;
pub mod message_text;

use std::sync::Arc;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use shared::files::Attachment;
use shared::ids::{MessageId, RoomId, UserId};
use shared::members::Role;
use shared::messages::UpdateMessage;

use crate::components::confirm_dialog::Question;
use crate::state::State;
use crate::state::composing::mentions_everyone;
use crate::state::draft_files::DraftPlace;
use crate::state::rows::MessageRow;

/// A part that is loaded later.
#[derive(Clone, Copy)]
pub enum Part {
    /// All dialogs, and what closes overlays by Back. They are loaded when the first dialog opens, or soon.
    Dialogs,
    /// The page of the setup link.
    Setup,
    /// The page of a reset link.
    Reset,
    /// The page of an invite.
    Invite,
    /// The page of the server's admins.
    Admin,
    /// What adds files to a draft, and its files. It comes when somebody wants to add one, when something else was
    /// loaded, or soon after the start.
    ComposerFiles(DraftPlace, DraftFacts),
    /// The formatted text of a message, which is shown plain until then.
    Text(RwSignal<MessageRow>),
    /// What stands above the text of a message: what it answers.
    AboveText(RwSignal<MessageRow>),
    /// What stands below it: reactions, and the way into its thread.
    BelowText(RwSignal<MessageRow>),
    /// The buttons for a message.
    Toolbar(RwSignal<MessageRow>),
    /// What is answered, above the field.
    ReplyBar,
    /// What helps with writing. It comes when something else was loaded, or soon after the start.
    ComposerTools(Tools),
    /// The files of a message.
    MessageFiles(RwSignal<MessageRow>),
    /// The thread that begins with this message, beside its room.
    Thread(MessageId),
    /// The editor of a message.
    Editor(RwSignal<MessageRow>, Editing),
}

/// What draws the parts. The app hands it to the pages.
#[derive(Clone, Copy)]
pub struct Parts {
    /// Whether they are loaded.
    pub are_loaded: RwSignal<bool>,
    /// Draws one.
    pub draw: fn(Self, Part) -> AnyView,
}

impl Parts {
    /// Draws a part, which may have to be loaded first.
    pub fn draw(self, part: Part) -> AnyView {
        (self.draw)(self, part)
    }
}

/// The edit of a message.
#[derive(Clone, Copy)]
pub struct Editing {
    /// The selector of the field.
    pub field: &'static str,
    /// What is wrong with it, by the rules or by the server. Typing clears it.
    pub error: RwSignal<Option<String>>,
    /// Whether the request is in flight.
    pub busy: RwSignal<bool>,
    /// Called with what changes.
    pub on_save: Callback<(MessageId, UpdateMessage)>,
    /// Called to cancel the edit.
    pub on_cancel: Callback<()>,
}

/// Handles a key of the field before all else. Returns whether it did.
pub type KeyHandler = Arc<dyn Fn(&KeyboardEvent) -> bool>;

/// What a field for messages and what helps with writing know of each other.
#[derive(Clone, Copy)]
pub struct Tools {
    /// The room.
    pub room_id: RoomId,
    /// The selector of the field.
    pub field: &'static str,
    /// The text.
    pub draft: RwSignal<String>,
    /// What handles keys first.
    pub on_key: StoredValue<Option<KeyHandler>, LocalStorage>,
    /// The people that the user chose by name.
    pub named: StoredValue<Vec<(String, UserId)>>,
}

impl Tools {
    /// For a field that is drawn now.
    pub fn new(room_id: RoomId, field: &'static str, draft: RwSignal<String>) -> Self {
        Self { room_id, field, draft, on_key: StoredValue::new_local(None), named: StoredValue::default() }
    }

    /// Whether a key was one of these. What it would have done otherwise is prevented then.
    pub fn take_key(self, event: &KeyboardEvent) -> bool {
        let handler = self.on_key.get_value();
        let is_taken = handler.is_some_and(|handle| handle(event));
        if is_taken {
            event.prevent_default();
            // Escape closes nothing else.
            event.stop_propagation();
        }
        is_taken
    }

    /// What to ask before a text notifies everybody in the room.
    pub fn question(self, state: State, text: &str) -> Option<Question> {
        let others = self.others_to_call(state).filter(|others| *others > 0 && mentions_everyone(text))?;
        let members = if others == 1 { "member" } else { "members" };
        Some(Question {
            title: format!("Notify {others} other {members}?"),
            text: "Your message mentions everyone in this room.",
            action: "Send",
            on_confirm: Arc::new(|| ()),
        })
    }

    /// How many others the user notifies by mentioning everybody, if they may.
    pub fn others_to_call(self, state: State) -> Option<u32> {
        state.rooms.with_untracked(|rooms| {
            let room = rooms.get(self.room_id)?;
            let may = matches!(room.viewer.as_ref()?.role, Some(Role::Owner | Role::Moderator));
            may.then(|| room.member_count.saturating_sub(1))
        })
    }

    /// Those of the chosen people whom a text mentions.
    pub fn mentions(self, text: &str) -> Vec<UserId> {
        let mut ids = Vec::new();
        // A question before sending may outlive the composer.
        self.named.try_with_value(|named| {
            for (name, id) in named {
                if !ids.contains(id) && ids.len() < MOST_MENTIONS && text.contains(&format!("@{name}")) {
                    ids.push(*id);
                }
            }
        });
        ids
    }
}

/// The selector of the field in which a draft is written.
pub fn field_of(place: DraftPlace) -> &'static str {
    if place.thread.is_some() { "#thread-composer" } else { "#composer" }
}

/// So many people a request may name.
const MOST_MENTIONS: usize = 50;

/// What the composer knows of the files of its draft, which are loaded later.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct DraftFacts {
    /// Whether the user wants to choose files.
    pub wants_files: RwSignal<bool>,
    /// What is wrong with what the user wants to send.
    pub error: RwSignal<Option<String>>,
    /// Whether files are on their way.
    pub is_uploading: RwSignal<bool>,
    /// Whether a file could not be uploaded.
    pub is_blocked: RwSignal<bool>,
    /// The files that the server has. Once they are sent, the composer takes them away.
    pub stored: RwSignal<Vec<Attachment>>,
}
