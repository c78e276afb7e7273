//! The buttons for one message.

use leptos::prelude::*;
use shared::ids::MessageId;

use crate::components::icon_button::IconButton;
use crate::components::message_actions::{MessageActions, MessageRights};

/// The actions that the user may do with the message.
#[component]
pub fn MessageToolbar(
    /// The message.
    id: MessageId,
    /// What the user may do with it.
    rights: Memo<MessageRights>,
    /// The actions.
    actions: MessageActions,
) -> impl IntoView {
    view! {
        <div class="toolbar" role="group" aria-label="Message actions">
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
