//! One message in the list.

use leptos::prelude::*;
use shared::ids::MessageId;
use shared::messages::Message;

use crate::browser::{TimeStyle, time_text};
use crate::components::avatar::avatar;
use crate::components::icon::icon;
use crate::components::message_editor::MessageEditor;
use crate::components::message_list::MessageActions;
use crate::shapes::{act, maybe, part, text};
use crate::state::messages::Delivery;
use crate::state::rows::MessageRow;

/// What one may do with the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// One wrote it.
    pub edit: bool,
    /// One wrote it, or the room is one's own.
    pub delete: bool,
}

/// A message, its toolbar while it is the active one, or its editor.
#[component]
pub fn MessageItem(
    /// Which one it is.
    id: MessageId,
    /// What it looks like now.
    #[prop(into)]
    row: Signal<MessageRow>,
    /// What one may do with it.
    #[prop(into)]
    rights: Signal<Rights>,
    /// Whether it is the one under the pointer or with the focus.
    #[prop(into)]
    active: Signal<bool>,
    /// Whether it is being edited.
    #[prop(into)]
    editing: Signal<bool>,
    /// Whether the URL points at it.
    #[prop(into)]
    pointed: Signal<bool>,
    /// What to do with it.
    actions: MessageActions,
) -> impl IntoView {
    let class = text(move || {
        row.with(|row| {
            let mut class = String::from("message");
            let mut add = |wanted: bool, name: &str| {
                if wanted {
                    class.push(' ');
                    class.push_str(name);
                }
            };
            add(row.opens_group, "opens-group");
            add(row.delivery == Delivery::Pending, "pending");
            add(matches!(row.delivery, Delivery::Failed { .. }), "unsent");
            add(pointed.get(), "pointed");
            class
        })
    });
    let content = part(move || {
        if editing.get() {
            let message = row.with_untracked(|row| row.message.clone());
            view! {
                <MessageEditor
                    initial=message.text.clone().unwrap_or_default()
                    kind=message.author.kind
                    error=actions.edit_error
                    busy=actions.edit_busy
                    on_save=Callback::new(move |text| actions.on_save.run((id, text)))
                    on_cancel=actions.on_cancel_edit
                />
            }
            .into_any()
        } else {
            row.with(|row| body(row, actions))
        }
    });
    let toolbar = maybe(move || {
        let shown = active.get() && !editing.get();
        shown.then(|| toolbar(id, row, rights, actions)).flatten()
    });
    view! {
        <li class=class data-id=id.to_string() tabindex="-1">
            {part(move || row.with(gutter))}
            <div class="message-body">
                {maybe(move || row.with(|row| row.opens_group.then(|| head(&row.message))))}
                {content}
            </div>
            {toolbar}
        </li>
    }
    .into_any()
}

/// The picture of who opens a group, or the time of who goes on.
fn gutter(row: &MessageRow) -> AnyView {
    let author = &row.message.author;
    if row.opens_group {
        avatar(author.id, author.username.as_str())
    } else {
        view! { <span class="gutter-time">{time(&row.message)}</span> }.into_any()
    }
}

fn head(message: &Message) -> AnyView {
    view! {
        <p class="message-head">
            <strong class="author" dir="auto">{message.author.username.as_str().to_owned()}</strong>
            {time(message)}
        </p>
    }
    .into_any()
}

fn time(message: &Message) -> AnyView {
    let millis = message.created_at.unix_millis();
    view! {
        <time datetime=message.created_at.to_string() title=time_text(millis, TimeStyle::Full)>
            {time_text(millis, TimeStyle::Clock)}
        </time>
    }
    .into_any()
}

fn body(row: &MessageRow, actions: MessageActions) -> AnyView {
    let message = &row.message;
    let Some(text) = message.text.clone() else {
        return view! { <p class="text gone">"This message was deleted."</p> }.into_any();
    };
    let edited = message.edited_at.map(|edited_at| {
        let title = format!("Edited {}", time_text(edited_at.unix_millis(), TimeStyle::Full));
        view! { <span class="edited" title=title>" edited"</span> }
    });
    let id = message.id;
    let failure = match &row.delivery {
        Delivery::Failed { detail, .. } => Some(view! {
            <p class="failure">
                {icon("alert")}
                <span>"Not sent. " {detail.clone()}</span>
                <button type="button" class="link" on:click=act(move || actions.on_retry.run(id))>"Retry"</button>
                <button type="button" class="link" on:click=act(move || actions.on_discard.run(id))>"Delete"</button>
            </p>
        }),
        Delivery::Sent | Delivery::Pending => None,
    };
    view! {
        <p class="text" dir="auto">{text}{edited}</p>
        {failure}
    }
    .into_any()
}

fn toolbar(
    id: MessageId,
    row: Signal<MessageRow>,
    rights: Signal<Rights>,
    actions: MessageActions,
) -> Option<AnyView> {
    let usable = row.with(|row| row.delivery == Delivery::Sent && row.message.text.is_some());
    usable.then(|| {
        let button = |label: &'static str, icon_name: &'static str, on_click: Callback<MessageId>| {
            view! {
                <button
                    type="button"
                    class="icon-button"
                    aria-label=label
                    title=label
                    on:click=act(move || on_click.run(id))
                >
                    {icon(icon_name)}
                </button>
            }
            .into_any()
        };
        let rights = rights.get();
        view! {
            <div class="toolbar" role="group" aria-label="Message actions">
                {button("Copy link", "link", actions.on_copy_link)}
                {rights.edit.then(|| button("Edit message", "pencil", actions.on_edit))}
                {rights.delete.then(|| button("Delete message", "bin", actions.on_delete))}
            </div>
        }
        .into_any()
    })
}
