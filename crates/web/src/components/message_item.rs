//! A message in the list.

use leptos::prelude::*;
use shared::ids::MessageId;
use shared::members::Operation;
use shared::messages::Message;

use crate::boxed::memo;
use crate::browser::{TimeStyle, time_text};
use crate::components::avatar::Avatar;
use crate::components::icon::Icon;
use crate::components::message_actions::MessageActions;
use crate::overlays::Overlays;
use crate::parts::{Editing, Part};
use crate::state::State;
use crate::state::files::words;
use crate::state::links::parts;
use crate::state::messages::Delivery;
use crate::state::rows::MessageRow;

/// The note in the place of a deleted text.
pub const DELETED: &str = "This message was deleted.";

/// A message with its toolbar while it is active. The editor replaces the text while the message is being edited.
#[component]
pub fn MessageItem(
    /// The message's id.
    id: MessageId,
    /// The message as it is now.
    row: RwSignal<MessageRow>,
    /// Whether the pointer or the focus is on it.
    active: Signal<bool>,
    /// Whether it is being edited.
    editing: Signal<bool>,
    /// Whether the URL points at it.
    pointed: Signal<bool>,
    /// The actions on messages.
    actions: MessageActions,
) -> impl IntoView {
    let has_actions =
        memo(move || row.with(|row| row.delivery == Delivery::Sent && row.message.text.is_some()));
    let gutter = move || {
        row.with(|row| match row.opens_group {
            true => {
                let author = &row.message.author;
                view! { <Avatar picture=author name=author.username.as_str() /> }.into_any()
            }
            false => view! { <span class="gutter-time">{time(&row.message)}</span> }.into_any(),
        })
    };
    let has_above =
        memo(move || row.with(|row| row.message.pinned_at.is_some() || row.beside.quote.is_some()));
    let has_below = memo(move || row.with(|row| row.beside.replies > 0 || !row.beside.chips.is_empty()));
    let head = move || row.with(|row| row.opens_group.then(|| head(&row.message)));
    let editor = move || {
        let MessageActions {
            editor_field: field,
            edit_error: error,
            edit_busy: busy,
            on_save,
            on_cancel_edit: on_cancel,
            parts,
            ..
        } = actions;
        parts.draw(Part::Editor(row, Editing { field, error, busy, on_save, on_cancel }))
    };
    view! {
        <li
            class="message"
            class:opens-group=move || row.with(|row| row.opens_group)
            class:pending=move || row.with(|row| row.delivery == Delivery::Pending)
            class:unsent=move || row.with(|row| matches!(row.delivery, Delivery::Failed { .. }))
            class:pointed=move || pointed.get()
            aria-label=move || row.with(label)
            data-id=id.to_string()
            tabindex="-1"
        >
            {move || gutter()}
            <div class="message-body">
                {move || head()}
                {move || has_above.get().then(|| actions.parts.draw(Part::AboveText(row)))}
                <Show when=move || editing.get() fallback=move || view! { <MessageContent id=id row=row actions=actions /> }>
                    {editor()}
                </Show>
                {move || has_below.get().then(|| actions.parts.draw(Part::BelowText(row)))}
            </div>
            <Show when=move || active.get() && !editing.get() && has_actions.get()>
                {actions.parts.draw(Part::Toolbar(row))}
            </Show>
        </li>
    }
}

/// The text and the files, or the note that the message was deleted, and why it could not be sent.
#[component]
fn MessageContent(id: MessageId, row: RwSignal<MessageRow>, actions: MessageActions) -> impl IntoView {
    let is_formatted = memo(move || row.with(|row| row.message.text.is_some() && row.message.body.is_some()));
    let text = move || match is_formatted.get() {
        true => actions.parts.draw(Part::Text(row)),
        false => plain_text(row),
    };
    let failure = move || {
        row.with(|row| match &row.delivery {
            Delivery::Failed { detail, .. } if row.message.text.is_some() => Some(view! {
                <p class="failure">
                    <Icon name="alert" />
                    <span>{format!("Not sent. {detail}")}</span>
                    <button type="button" class="link" on:click=move |_| actions.on_retry.run(id)>
                        "Retry"
                    </button>
                    <button type="button" class="link" on:click=move |_| actions.on_discard.run(id)>
                        "Discard"
                    </button>
                </p>
            }),
            _ => None,
        })
    };
    // A message never gains files.
    let files = row
        .with_untracked(|row| !row.message.attachments.is_empty())
        .then(|| actions.parts.draw(Part::MessageFiles(row)));
    view! {
        {move || text()}
        {files}
        {move || failure()}
    }
}

/// The row's name for screen readers: also within a group it says who wrote the message, and when.
fn label(row: &MessageRow) -> String {
    let message = &row.message;
    let delivery = match row.delivery {
        Delivery::Pending => ", sending",
        Delivery::Failed { .. } => ", not sent",
        Delivery::Sent => "",
    };
    format!(
        "{}, {}{delivery}: {}",
        message.author.username.as_str(),
        time_text(message.created_at.unix_millis(), TimeStyle::Clock),
        words(message).as_deref().unwrap_or(DELETED)
    )
}

/// The text as it was written, in which URLs are links, or the note that the message was deleted.
pub fn plain_text(row: RwSignal<MessageRow>) -> AnyView {
    let (state, overlays) = (expect_context::<State>(), expect_context::<Overlays>());
    let text = move || {
        row.with(|row| match &row.message.text {
            Some(text) if text.is_empty() && row.message.edited_at.is_none() => ().into_any(),
            Some(text) => view! {
                <p class="text" dir="auto">
                    {parts(text).into_iter().map(part).collect_view()}
                    {edited(&row.message, state, overlays)}
                </p>
            }
            .into_any(),
            None => view! { <p class="text gone">{DELETED}</p> }.into_any(),
        })
    };
    view! { {move || text()} }.into_any()
}

/// A part of a text: a URL is a link.
fn part((text, is_url): (&str, bool)) -> AnyView {
    let text = text.to_owned();
    if is_url { link(text.clone(), text.into_any()) } else { text.into_any() }
}

/// A link that leaves the page alone.
pub fn link(href: String, content: AnyView) -> AnyView {
    view! {
        <a class="url" href=href target="_blank" rel="noopener noreferrer nofollow">
            {content}
        </a>
    }
    .into_any()
}

fn head(message: &Message) -> impl IntoView + use<> {
    view! {
        <p class="message-head">
            <strong class="author" dir="auto">
                {message.author.username.as_str().to_owned()}
            </strong>
            {time(message)}
        </p>
    }
}

/// The word that a message was edited. It opens the former texts for those who may read them.
pub fn edited(message: &Message, state: State, overlays: Overlays) -> Option<AnyView> {
    let (room_id, id) = (message.room_id, message.id);
    message.edited_at.map(|edited_at| {
        let title = format!("Edited {}", time_text(edited_at.unix_millis(), TimeStyle::Full));
        let open = move |_| {
            overlays.edited.set(Some((room_id, id)));
            overlays.edits.set(true);
        };
        match state.may(room_id, Operation::ViewEdits) {
            true => {
                view! { <button type="button" class="edited" title=title on:click=open>" edited"</button> }
                    .into_any()
            }
            false => view! { <span class="edited" title=title>" edited"</span> }.into_any(),
        }
    })
}

fn time(message: &Message) -> impl IntoView + use<> {
    let millis = message.created_at.unix_millis();
    view! {
        <time datetime=message.created_at.to_string() title=time_text(millis, TimeStyle::Full)>
            {time_text(millis, TimeStyle::Clock)}
        </time>
    }
}
