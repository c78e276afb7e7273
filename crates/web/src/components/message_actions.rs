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
    /// React to it.
    pub react: bool,
    /// Pin it.
    pub pin: bool,
    /// Unpin it.
    pub unpin: bool,
    /// Answer it.
    pub reply: bool,
    /// Mark it as unread.
    pub mark_unread: bool,
}

/// What the user wants of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageAction {
    /// Opens the editor.
    Edit,
    /// Deletes it.
    Delete,
    /// Copies its link.
    CopyLink,
    /// Sends it again, when it could not be sent.
    Retry,
    /// Removes it, when it could not be sent.
    Discard,
    /// Answers it.
    Reply,
    /// Marks it and all after it as unread.
    MarkUnread,
    /// Pins it, or unpins it.
    Pin(bool),
    /// Opens the thread that it begins.
    OpenThread,
    /// Shows the message that it answers.
    ShowAnswered(MessageId),
    /// Chooses an emoji to react with.
    PickReaction,
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
    /// Saves the edit.
    pub on_save: Callback<(MessageId, UpdateMessage)>,
    /// Closes the editor.
    pub on_cancel_edit: Callback<()>,
    /// Does something with a message.
    pub on_action: Callback<(MessageId, MessageAction)>,
    /// Draws the files of a message and its editor.
    pub parts: Parts,
}

impl MessageActions {
    /// Does something with a message.
    pub fn run(self, id: MessageId, action: MessageAction) {
        self.on_action.run((id, action));
    }
}
