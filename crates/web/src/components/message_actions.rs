//! What a user can do with messages.

use leptos::prelude::*;
use shared::ids::MessageId;
use shared::messages::UpdateMessage;

use crate::parts::Parts;

/// The actions on messages, and the state of the edit in progress.
#[derive(Clone, Copy)]
pub struct MessageActions {
    /// The message that is being edited.
    pub editing: RwSignal<Option<MessageId>>,
    /// The selector of the editor's field.
    pub editor_field: &'static str,
    /// Why the edit was refused.
    pub edit_error: RwSignal<Option<String>>,
    /// Whether the edit's request is in flight.
    pub edit_busy: RwSignal<bool>,
    /// Saves the edit.
    pub on_save: Callback<(MessageId, UpdateMessage)>,
    /// Closes the editor.
    pub on_cancel_edit: Callback<()>,
    /// Sends a failed message again.
    pub on_retry: Callback<MessageId>,
    /// Removes a failed message.
    pub on_discard: Callback<MessageId>,
    /// Draws what is loaded later.
    pub parts: Parts,
}
