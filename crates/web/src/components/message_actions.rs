//! What a user can do with messages.

use leptos::prelude::*;
use shared::ids::MessageId;
use shared::messages::UpdateMessage;

use crate::parts::Parts;

/// What the user may do with a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageRights {
    /// Edit it.
    pub edit: bool,
    /// Delete it.
    pub delete: bool,
}

/// The actions on messages, and the state of the edit in progress.
#[derive(Clone, Copy)]
pub struct MessageActions {
    /// The message that is being edited.
    pub editing: RwSignal<Option<MessageId>>,
    /// Why the edit was refused.
    pub edit_error: RwSignal<Option<String>>,
    /// Whether the edit's request is in flight.
    pub edit_busy: RwSignal<bool>,
    /// Opens the editor.
    pub on_edit: Callback<MessageId>,
    /// Saves the edit.
    pub on_save: Callback<(MessageId, UpdateMessage)>,
    /// Closes the editor.
    pub on_cancel_edit: Callback<()>,
    /// Deletes a message.
    pub on_delete: Callback<MessageId>,
    /// Copies a message's link.
    pub on_copy_link: Callback<MessageId>,
    /// Sends a failed message again.
    pub on_retry: Callback<MessageId>,
    /// Removes a failed message.
    pub on_discard: Callback<MessageId>,
    /// Draws the files of a message and its editor.
    pub parts: Parts,
}
