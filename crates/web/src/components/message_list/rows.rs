//! The `<ol>` with the rows. A row is drawn once and then follows its message by a signal of its own.

use std::sync::Arc;

use leptos::html::Ol;
use leptos::prelude::*;
use leptos::reactive::computed::Selector;
use shared::ids::MessageId;
use wasm_bindgen::JsCast;
use web_sys::{Element, EventTarget, HtmlElement};

use crate::boxed::effect;
use crate::browser::{self, day_text};
use crate::components::keyed_list::KeyedList;
use crate::components::message_actions::MessageActions;
use crate::components::message_item::MessageItem;
use crate::components::message_list::row_table::RowTable;
use crate::state::rows::{MessageRow, Row};

/// The rows of the list.
#[component]
pub fn MessageRows(
    /// Set to the `<ol>`.
    list: NodeRef<Ol>,
    /// The rows.
    table: Memo<Arc<RowTable>>,
    /// The user's local day.
    today: RwSignal<i64>,
    /// The message that the URL points at.
    pointed: Memo<Option<MessageId>>,
    /// The actions on messages.
    actions: MessageActions,
) -> impl IntoView {
    let active = RwSignal::new(None::<MessageId>);
    // A selector notifies only the rows that were or become selected, a signal would notify all.
    let is_active = Selector::new(move || active.get());
    let is_editing = Selector::new(move || actions.editing.get());
    let is_pointed = Selector::new(move || pointed.get());
    let follow = |selector: &Selector<Option<MessageId>>, id: MessageId| {
        let (selector, kept) = (selector.clone(), selector.clone());
        on_cleanup(move || kept.remove(&Some(id)));
        Signal::derive(move || selector.selected(&Some(id)))
    };
    // One effect compares the rows. Memos would wake all effects of all rows with each message.
    let drawn = StoredValue::new(Vec::<(MessageId, RwSignal<MessageRow>)>::new());
    effect(move || {
        let table = table.get();
        drawn.with_value(|drawn| {
            for (id, row) in drawn {
                // A row that is about to be removed stays as it was.
                if let Some(now) = table.message(*id)
                    && row.try_with_untracked(|row| row != now) == Some(true)
                {
                    row.set(now.clone());
                }
            }
        });
    });
    let message = move |first: MessageRow| {
        let id = first.message.id;
        let row = RwSignal::new(first);
        drawn.update_value(|drawn| drawn.push((id, row)));
        on_cleanup(move || {
            drawn.try_update_value(|drawn| drawn.retain(|(_, other)| *other != row));
        });
        view! {
            <MessageItem
                id=id
                row=row

                active=follow(&is_active, id)
                editing=follow(&is_editing, id)
                pointed=follow(&is_pointed, id)
                actions=actions
            />
        }
    };
    let draw = move |key| match table.with_untracked(|table| table.get(key).cloned()) {
        Some(Row::Message(row)) => message(row).into_any(),
        Some(Row::Day { unix_millis, .. }) => {
            let text = Signal::derive(move || day_text(unix_millis, today.get()));
            view! { <Separator class="day" text=text /> }.into_any()
        }
        Some(Row::New) | None => view! { <Separator class="divider" text="New" /> }.into_any(),
    };
    let keys = move || {
        keep_focus(list);
        table.with(|table| table.keys())
    };
    view! {
        <ol
            node_ref=list
            on:pointerover=move |event| active.set(message_of(event.target()))
            on:pointerleave=move |_| active.set(None)
            on:focusin=move |event| active.set(message_of(event.target()))
        >
            <KeyedList keys=Signal::derive(keys) draw=draw />
        </ol>
    }
}

/// A line between two messages.
#[component]
fn Separator(class: &'static str, #[prop(into)] text: Signal<String>) -> impl IntoView {
    view! {
        <li class=class>
            <span>{move || text.get()}</span>
        </li>
    }
}

/// Restores the focus after the list was updated. `<For>` moves the first rows when it inserts others above them, and
/// an element that is moved loses the focus. When the row was dropped, the list takes the focus.
fn keep_focus(list: NodeRef<Ol>) {
    let Some(list) = list.get_untracked() else { return };
    let focused = browser::document().active_element().filter(|element| list.contains(Some(element)));
    let Some(focused) = focused.and_then(|element| element.dyn_into::<HtmlElement>().ok()) else { return };
    queue_microtask(move || {
        let lost = browser::document().active_element().as_ref() != Some(focused.unchecked_ref());
        let log = || list.closest(".log").ok().flatten().and_then(|log| log.dyn_into().ok());
        let heir: Option<HtmlElement> = if focused.is_connected() { Some(focused) } else { log() };
        if let Some(heir) = heir.filter(|_| lost) {
            let options = web_sys::FocusOptions::new();
            options.set_prevent_scroll(true);
            // Focusing an element of the page cannot fail.
            let _ = heir.focus_with_options(&options);
        }
    });
}

/// The message in which an event happened.
fn message_of(target: Option<EventTarget>) -> Option<MessageId> {
    let element = target?.dyn_into::<Element>().ok()?;
    element.closest("li[data-id]").ok().flatten()?.get_attribute("data-id")?.parse().ok()
}
