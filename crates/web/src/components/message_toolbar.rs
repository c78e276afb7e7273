//! The buttons for one message.

use leptos::prelude::*;
use shared::ids::MessageId;
use shared::timestamp::Timestamp;

use crate::browser::{TimeStyle, time_text};
use crate::components::icon_button::IconButton;
use crate::components::message_actions::{MessageActions, MessageRights};
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
    view! {
        <div class="toolbar" role="group" aria-label="Message actions">
            <span class="toolbar-time">{move || row.with(times)}</span>
            <IconButton label="Copy link" icon="link" on_press=move |()| actions.on_copy_link.run(id) />
            <Show when=move || rights.get().edit>
                <IconButton label="Edit message" icon="pencil" on_press=move |()| actions.on_edit.run(id) />
            </Show>
            <Show when=move || rights.get().delete>
                <IconButton label="Delete message" icon="bin" on_press=move |()| actions.on_delete.run(id) />
            </Show>
        </div>
    }
}

/// When the message was written and edited, for users without a pointer that shows titles.
fn times(row: &MessageRow) -> String {
    let full = |time: Timestamp| time_text(time.unix_millis(), TimeStyle::Full);
    let edited = row.message.edited_at.map(|edited_at| format!(", edited {}", full(edited_at)));
    format!("{}{}", full(row.message.created_at), edited.unwrap_or_default())
}
