//! The messages of a room: scrolled, paged at both ends, walked by arrow keys.

use std::collections::HashMap;
use std::sync::Arc;

use leptos::ev::{FocusEvent, KeyboardEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;
use shared::ids::MessageId;
use shared::messages::MessageText;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement, ResizeObserver};

use crate::browser::{self, day_text};
use crate::components::icon::icon;
use crate::components::message_item::{MessageItem, Rights};
use crate::components::scroll_anchor::ScrollAnchor;
use crate::shapes::{act, derived, each, effect, handle, maybe, memo, part, text};
use crate::state::rows::{MessageRow, Row, RowKey};

/// Closer than this to either end, the next page is asked for.
const PAGE_AHEAD_PIXELS: i32 = 700;
/// Where a message that a link points at stands, as a part of the height.
const POINTED_AT: f64 = 0.35;
/// Where the "New" divider stands when more is unread than fits.
const DIVIDER_AT: f64 = 0.12;

/// The rows and where each of them is.
#[derive(Clone, Debug, Default)]
pub struct RowTable {
    rows: Vec<Row>,
    places: HashMap<u128, usize>,
}

impl PartialEq for RowTable {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl RowTable {
    /// Indexes the rows.
    pub fn new(rows: Vec<Row>) -> Self {
        let places = rows.iter().enumerate().map(|(place, row)| (row.key().number(), place)).collect();
        Self { rows, places }
    }

    fn get(&self, key: u128) -> Option<&Row> {
        self.places.get(&key).map(|place| &self.rows[*place])
    }

    fn message(&self, id: MessageId) -> Option<&MessageRow> {
        match self.get(RowKey::Message(id).number()) {
            Some(Row::Message(row)) => Some(row),
            _ => None,
        }
    }
}

/// Where the list stands when it comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the newest message, or at the first unread one when that lies higher.
    Newest,
    /// At this message.
    At(MessageId),
}

/// What can be done with messages, and the state of the edit in progress.
#[derive(Clone, Copy)]
pub struct MessageActions {
    /// The message that is being edited.
    pub editing: RwSignal<Option<MessageId>>,
    /// What the server had against the edit.
    pub edit_error: RwSignal<Option<String>>,
    /// Whether the server is being asked.
    pub edit_busy: RwSignal<bool>,
    /// Begins to edit.
    pub on_edit: Callback<MessageId>,
    /// Saves the edit.
    pub on_save: Callback<(MessageId, MessageText)>,
    /// Gives the edit up.
    pub on_cancel_edit: Callback<()>,
    /// Deletes a message.
    pub on_delete: Callback<MessageId>,
    /// Copies a message's link.
    pub on_copy_link: Callback<MessageId>,
    /// Sends a failed message again.
    pub on_retry: Callback<MessageId>,
    /// Gives a failed message up.
    pub on_discard: Callback<MessageId>,
}

/// What is above and below the messages at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edges {
    /// Nothing can be said before the first page is here.
    pub loaded: bool,
    /// Whether there are older ones.
    pub older: bool,
    /// Whether there are newer ones.
    pub newer: bool,
    /// Whether a page is on its way.
    pub loading: bool,
}

/// The list.
#[component]
pub fn MessageList(
    /// The room's name.
    #[prop(into)]
    room_name: Signal<String>,
    /// The rows.
    table: Memo<Arc<RowTable>>,
    /// What is above and below.
    #[prop(into)]
    edges: Signal<Edges>,
    /// How many messages wait below.
    #[prop(into)]
    unread: Signal<u64>,
    /// Where to stand; set again, the list goes there again.
    start: RwSignal<Option<Start>>,
    /// Whether the reader is at the end.
    at_end: RwSignal<bool>,
    /// What one may do with a message.
    rights: Callback<MessageRow, Rights>,
    /// The message that the URL points at.
    #[prop(into)]
    pointed: Signal<Option<MessageId>>,
    /// What to do with messages.
    actions: MessageActions,
    /// Older messages are wanted.
    on_older: Callback<()>,
    /// Newer messages are wanted.
    on_newer: Callback<()>,
    /// The newest message is wanted.
    on_latest: Callback<()>,
) -> impl IntoView {
    let viewport = NodeRef::<html::Div>::new();
    let content = NodeRef::<html::Div>::new();
    let list = NodeRef::<html::Ol>::new();
    let anchor = StoredValue::new_local(ScrollAnchor::default());
    let active = RwSignal::new(None::<MessageId>);

    // Frames and observers may come once more when the page is gone; then there is nothing to do.
    let elements = move || Some((viewport.try_get_untracked()??, list.try_get_untracked()??));
    let more_below = move || edges.try_get_untracked().is_some_and(|edges| edges.newer);
    // How many rows there were when a page was last asked for. If there are no more since, that failed: then it takes
    // the reader to ask again.
    let asked_at = StoredValue::new(None::<usize>);
    let ask_for_pages = move |by_reader: bool| {
        let Some(((viewport, _), edges)) = elements().zip(edges.try_get_untracked()) else { return };
        if !edges.loaded || edges.loading {
            return;
        }
        let rows = table.with_untracked(|table| table.rows.len());
        if !by_reader && asked_at.get_value() == Some(rows) {
            return;
        }
        let below = viewport.scroll_height() - viewport.scroll_top() - viewport.client_height();
        if edges.older && viewport.scroll_top() < PAGE_AHEAD_PIXELS {
            asked_at.set_value(Some(rows));
            on_older.run(());
        } else if edges.newer && below < PAGE_AHEAD_PIXELS {
            asked_at.set_value(Some(rows));
            on_newer.run(());
        }
    };
    let note = move || {
        if let Some((viewport, list)) = elements() {
            anchor.update_value(|anchor| anchor.note(&viewport, &list, more_below()));
            let now_at_end = anchor.with_value(ScrollAnchor::is_at_end);
            if at_end.get_untracked() != now_at_end {
                at_end.set(now_at_end);
            }
        }
    };
    let settle = move || {
        if let Some((viewport, list)) = elements() {
            anchor.update_value(|anchor| anchor.settle(&viewport, &list, more_below()));
        }
        ask_for_pages(false);
    };
    observe_size(content, settle);
    observe_size(viewport, settle);

    effect(move || {
        // A new page may still not fill the view.
        if !edges.get().loading {
            request_animation_frame(move || ask_for_pages(false));
        }
    });
    effect(move || {
        let Some(wanted) = start.get() else { return };
        if !edges.get().loaded {
            return;
        }
        // After the rows were drawn.
        request_animation_frame(move || {
            let Some((viewport, list)) = elements() else { return };
            go_to_start(wanted, &viewport, &list, more_below(), anchor);
            note();
            start.set(None);
        });
    });

    let is_active = Selector::new(move || active.get());
    let is_editing = Selector::new(move || actions.editing.get());
    let is_pointed = Selector::new(move || pointed.get());
    let draw = move |key: u128| {
        let row = table.with_untracked(|table| table.get(key).cloned());
        match row {
            Some(Row::Message(first)) => {
                let id = first.message.id;
                let row = memo(move || {
                    table.with(|table| table.message(id).cloned()).unwrap_or_else(|| first.clone())
                });
                let (is_active, is_editing, is_pointed) =
                    (is_active.clone(), is_editing.clone(), is_pointed.clone());
                view! {
                    <MessageItem
                        id
                        row
                        rights=derived(move || rights.run(row.get()))
                        active=derived(move || is_active.selected(&Some(id)))
                        editing=derived(move || is_editing.selected(&Some(id)))
                        pointed=derived(move || is_pointed.selected(&Some(id)))
                        actions
                    />
                }
                .into_any()
            }
            Some(Row::Day { unix_millis, .. }) => view! {
                <li class="day"><span>{day_text(unix_millis)}</span></li>
            }
            .into_any(),
            Some(Row::New) | None => view! { <li class="divider"><span>"New"</span></li> }.into_any(),
        }
    };
    let keys = move || table.with(|table| table.rows.iter().map(|row| row.key().number()).collect());

    let top = part(move || {
        let Edges { loaded, older, loading, .. } = edges.get();
        match (loaded, older) {
            (false, _) => ().into_any(),
            (true, true) => view! {
                <button
                    type="button"
                    class="button small"
                    aria-busy=loading.to_string()
                    on:click=act(move || on_older.run(()))
                >
                    {if loading { "Loading…" } else { "Load previous messages…" }}
                </button>
            }
            .into_any(),
            (true, false) => view! {
                <p class="beginning">"This is the beginning of " <bdi>{text(move || room_name.get())}</bdi> "."</p>
            }
            .into_any(),
        }
    });
    let jump = maybe(move || {
        let far = edges.get().loaded && (!at_end.get() || edges.get().newer);
        far.then(|| {
            let words = move || match unread.get() {
                0 => "Jump to latest".to_owned(),
                count => format!("Jump to latest ({count})"),
            };
            let go = move || {
                if edges.get_untracked().newer {
                    on_latest.run(());
                } else if let Some((viewport, list)) = elements() {
                    anchor.update_value(|anchor| anchor.go_to_end(&viewport, &list));
                    note();
                }
            };
            view! { <button type="button" class="jump button" on:click=act(go)>{icon("down")} {text(words)}</button> }
        })
    });
    view! {
        <div class="log-place">
            <div
                node_ref=viewport
                class="log"
                role="log"
                tabindex="0"
                aria-label=text(move || format!("Messages in {}", room_name.get()))
                aria-busy=text(move || edges.get().loading.to_string())
                on:scroll=act(move || {
                    note();
                    ask_for_pages(true);
                })
                on:keydown=handle(move |event: KeyboardEvent| walk(&event, list))
            >
                <div node_ref=content class="log-content">
                    <div class="log-top">{top}</div>
                    <ol
                        node_ref=list
                        on:pointerover=handle(move |event: PointerEvent| active.set(message_of(event.target())))
                        on:pointerleave=act(move || active.set(None))
                        on:focusin=handle(move |event: FocusEvent| active.set(message_of(event.target())))
                    >
                        {each(keys, draw)}
                    </ol>
                </div>
            </div>
            {jump}
        </div>
    }
    .into_any()
}

fn go_to_start(
    start: Start,
    viewport: &Element,
    list: &Element,
    more_below: bool,
    anchor: StoredValue<ScrollAnchor, LocalStorage>,
) {
    let find = |selector: &str| {
        list.query_selector(selector).ok().flatten().and_then(|row| row.dyn_into::<HtmlElement>().ok())
    };
    anchor.update_value(|anchor| match start {
        Start::At(id) => {
            if let Some(row) = find(&format!("[data-id='{id}']")) {
                anchor.go_to(viewport, list, &row, POINTED_AT, more_below);
            }
        }
        Start::Newest => {
            anchor.go_to_end(viewport, list);
            if let Some(divider) = find(".divider")
                && divider.offset_top() < viewport.scroll_top()
            {
                anchor.go_to(viewport, list, &divider, DIVIDER_AT, more_below);
            }
        }
    });
}

/// Calls back whenever the element's size changes, before the browser paints.
fn observe_size(node: NodeRef<html::Div>, on_change: impl Fn() + 'static) {
    let callback = Closure::<dyn FnMut(JsValue, JsValue)>::new(move |_, _| on_change());
    let Ok(observer) = ResizeObserver::new(callback.as_ref().unchecked_ref()) else { return };
    node.on_load({
        let observer = observer.clone();
        move |element| observer.observe(&element)
    });
    let kept = StoredValue::new_local(Some((observer, callback)));
    on_cleanup(move || {
        if let Some((observer, _)) = kept.try_update_value(Option::take).flatten() {
            observer.disconnect();
        }
    });
}

/// The message in which something happened.
fn message_of(target: Option<web_sys::EventTarget>) -> Option<MessageId> {
    let element = target?.dyn_into::<Element>().ok()?;
    element.closest("li[data-id]").ok().flatten()?.get_attribute("data-id")?.parse().ok()
}

/// Up and down move the focus from message to message, Home and End to the first and last.
fn walk(event: &KeyboardEvent, list: NodeRef<html::Ol>) {
    let Some(list) = list.get_untracked() else { return };
    let focused = browser::document().active_element();
    let here = focused.and_then(|element| element.closest("li[data-id]").ok().flatten());
    let edge = |last: bool| if last { list.last_element_child() } else { list.first_element_child() };
    let step = |from: &Element, down: bool| {
        if down { from.next_element_sibling() } else { from.previous_element_sibling() }
    };
    let (mut candidate, down) = match (event.key().as_str(), &here) {
        ("ArrowUp", Some(here)) => (step(here, false), false),
        ("ArrowDown", Some(here)) => (step(here, true), true),
        ("ArrowUp" | "ArrowDown", None) => (edge(true), false),
        ("Home", _) => (edge(false), true),
        ("End", _) => (edge(true), false),
        _ => return,
    };
    // Separators are passed over.
    while let Some(row) = &candidate {
        if row.has_attribute("data-id") {
            break;
        }
        candidate = step(row, down);
    }
    if let Some(row) = candidate.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
        event.prevent_default();
        // Focusing a row that is there cannot fail.
        let _ = row.focus();
    }
}
