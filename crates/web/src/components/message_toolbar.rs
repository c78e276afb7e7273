//! The buttons for one message.

use leptos::prelude::*;
use shared::ids::MessageId;
use shared::timestamp::Timestamp;

use crate::browser::{TimeStyle, time_text};
use crate::components::icon_button::IconButton;
use crate::components::message_actions::{MessageAction, MessageActions, MessageRights};
use crate::state::rows::MessageRow;

/// The actions that the user may do with the message.
#[component]
pub fn MessageToolbar(
    /// The message.
    id: MessageId,
    /// The message as it is now.
    row: RwSignal<MessageRow>,
    /// What the user may do with it.
    rights: Memo<MessageRights>,
    /// The actions.
    actions: MessageActions,
) -> impl IntoView {
    let button = move |may: fn(MessageRights) -> bool,
                       label: &'static str,
                       icon: &'static str,
                       action: MessageAction| {
        view! {
            <Show when=move || may(rights.get())>
                <IconButton label=label icon=icon on_press=move |()| actions.run(id, action) />
            </Show>
        }
        .into_any()
    };
    view! {
        <div class="toolbar" role="group" aria-label="Message actions">
            <span class="toolbar-time">{move || row.with(times)}</span>
            {button(|rights| rights.react, "Add reaction", "smile", MessageAction::PickReaction)}
            {button(|rights| rights.reply, "Reply", "reply", MessageAction::Reply)}
            {button(|rights| rights.mark_unread, "Mark unread", "unread", MessageAction::MarkUnread)}
            {button(|rights| rights.pin, "Pin message", "pin", MessageAction::Pin(true))}
            {button(|rights| rights.unpin, "Unpin message", "pin", MessageAction::Pin(false))}
            {button(|_| true, "Copy link", "link", MessageAction::CopyLink)}
            {button(|rights| rights.edit, "Edit message", "pencil", MessageAction::Edit)}
            {button(|rights| rights.delete, "Delete message", "bin", MessageAction::Delete)}
        </div>
    }
}

/// When the message was written and edited, for users without a pointer that shows titles.
fn times(row: &MessageRow) -> String {
    let full = |time: Timestamp| time_text(time.unix_millis(), TimeStyle::Full);
    let edited = row.message.edited_at.map(|edited_at| format!(", edited {}", full(edited_at)));
    format!("{}{}", full(row.message.created_at), edited.unwrap_or_default())
}
