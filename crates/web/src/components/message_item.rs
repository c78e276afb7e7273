//! One message in the list.

use leptos::prelude::*;
use shared::ids::MessageId;
use shared::messages::Message;

use crate::browser::{TimeStyle, time_text};
use crate::components::avatar::avatar;
use crate::components::message_editor::MessageEditor;
use crate::components::message_list::MessageActions;
use crate::dom::{El, button, el, icon, icon_button};
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
#[derive(Clone, Copy)]
pub struct MessageItem {
    /// Which one it is.
    pub id: MessageId,
    /// What it looks like now.
    pub row: Memo<MessageRow>,
    /// What one may do with such a message.
    pub rights: Callback<MessageRow, Rights>,
    /// Whether it is the one under the pointer or with the focus.
    pub active: Signal<bool>,
    /// Whether it is being edited.
    pub editing: Signal<bool>,
    /// Whether the URL points at it.
    pub pointed: Signal<bool>,
    /// What to do with it.
    pub actions: MessageActions,
}

impl MessageItem {
    /// Draws it.
    pub fn view(self) -> El {
        let Self { id, row, active, editing, .. } = self;
        let gutter = move || row.with(|row| [gutter(row)]);
        let head = move || row.with(|row| row.opens_group.then(|| head(&row.message)));
        let content = move || match editing.get() {
            true => vec![self.editor()],
            false => row.with(|row| self.body(row)),
        };
        let toolbar = move || (active.get() && !editing.get()).then(|| self.toolbar()).flatten();
        el("li")
            .live_attr("class", move || self.class())
            .attr("data-id", &id.to_string())
            .attr("tabindex", "-1")
            .part(gutter)
            .child(el("div").class("message-body").part(head).part(content))
            .part(toolbar)
    }

    fn class(self) -> String {
        self.row.with(|row| {
            let marks = [
                (row.opens_group, " opens-group"),
                (row.delivery == Delivery::Pending, " pending"),
                (matches!(row.delivery, Delivery::Failed { .. }), " unsent"),
                (self.pointed.get(), " pointed"),
            ];
            marks.iter().filter(|(on, _)| *on).fold("message".to_owned(), |class, (_, mark)| class + mark)
        })
    }

    fn editor(self) -> El {
        let Self { id, actions, .. } = self;
        let message = self.row.with_untracked(|row| row.message.clone());
        MessageEditor {
            initial: message.text.clone().unwrap_or_default(),
            kind: message.author.kind,
            error: actions.edit_error,
            busy: actions.edit_busy,
            on_save: Callback::new(move |text| actions.on_save.run((id, text))),
            on_cancel: actions.on_cancel_edit,
        }
        .view()
    }

    fn body(self, row: &MessageRow) -> Vec<El> {
        let message = &row.message;
        let Some(text) = &message.text else {
            return vec![el("p").class("text gone").text("This message was deleted.")];
        };
        let edited = message.edited_at.map(|edited_at| {
            let title = format!("Edited {}", time_text(edited_at.unix_millis(), TimeStyle::Full));
            el("span").class("edited").attr("title", &title).text(" edited")
        });
        let mut parts = vec![el("p").class("text").attr("dir", "auto").text(text).children(edited)];
        if let Delivery::Failed { detail, .. } = &row.delivery {
            let Self { id, actions, .. } = self;
            let failure = el("p")
                .class("failure")
                .child(icon("alert"))
                .child(el("span").text(&format!("Not sent. {detail}")))
                .child(button("link").text("Retry").on_click(move || actions.on_retry.run(id)))
                .child(button("link").text("Discard").on_click(move || actions.on_discard.run(id)));
            parts.push(failure);
        }
        parts
    }

    fn toolbar(self) -> Option<El> {
        let Self { id, row, rights, actions, .. } = self;
        let row = row.get();
        if row.delivery != Delivery::Sent || row.message.text.is_none() {
            return None;
        }
        let rights = rights.run(row);
        let act = move |label, icon_name, action: Callback<MessageId>| {
            icon_button(label, icon_name).on_click(move || action.run(id))
        };
        let toolbar = el("div")
            .class("toolbar")
            .attr("role", "group")
            .attr("aria-label", "Message actions")
            .child(act("Copy link", "link", actions.on_copy_link))
            .children(rights.edit.then(|| act("Edit message", "pencil", actions.on_edit)))
            .children(rights.delete.then(|| act("Delete message", "bin", actions.on_delete)));
        Some(toolbar)
    }
}

/// The picture of who opens a group, or the time of who goes on.
fn gutter(row: &MessageRow) -> El {
    let author = &row.message.author;
    if row.opens_group {
        avatar(author.id, author.username.as_str())
    } else {
        el("span").class("gutter-time").child(time(&row.message))
    }
}

fn head(message: &Message) -> El {
    let author = el("strong").class("author").attr("dir", "auto").text(message.author.username.as_str());
    el("p").class("message-head").child(author).child(time(message))
}

fn time(message: &Message) -> El {
    let millis = message.created_at.unix_millis();
    el("time")
        .attr("datetime", &message.created_at.to_string())
        .attr("title", &time_text(millis, TimeStyle::Full))
        .text(&time_text(millis, TimeStyle::Clock))
}
