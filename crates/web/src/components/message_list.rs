//! The messages of a room: scrolled, paged at both ends, walked by arrow keys.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::reactive::computed::Selector;
use shared::ids::MessageId;
use shared::messages::MessageText;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, HtmlElement, KeyboardEvent, ResizeObserver};

use crate::browser::{self, day_text};
use crate::components::message_item::{MessageItem, Rights};
use crate::components::scroll_anchor::ScrollAnchor;
use crate::dom::{El, button, el, icon};
use crate::reactive::{derived, effect, memo};
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
#[derive(Clone, Copy)]
pub struct MessageList {
    /// The room's name.
    pub room_name: Memo<String>,
    /// The rows.
    pub table: Memo<Arc<RowTable>>,
    /// What is above and below.
    pub edges: Memo<Edges>,
    /// How many messages wait below.
    pub unread: Signal<u64>,
    /// Where to stand; set again, the list goes there again.
    pub start: RwSignal<Option<Start>>,
    /// Whether the reader is at the end.
    pub at_end: RwSignal<bool>,
    /// What one may do with a message.
    pub rights: Callback<MessageRow, Rights>,
    /// The message that the URL points at.
    pub pointed: Memo<Option<MessageId>>,
    /// What to do with messages.
    pub actions: MessageActions,
    /// Older messages are wanted.
    pub on_older: Callback<()>,
    /// Newer messages are wanted.
    pub on_newer: Callback<()>,
    /// The newest message is wanted.
    pub on_latest: Callback<()>,
}

impl MessageList {
    /// Draws it.
    pub fn view(self) -> El {
        let Self { room_name, edges, .. } = self;
        let active = RwSignal::new(None::<MessageId>);
        let list = self.rows(active);
        let content = el("div")
            .class("log-content")
            .child(el("div").class("log-top").part(move || self.top()))
            .child(list.clone());
        let viewport = el("div")
            .class("log")
            .attr("role", "log")
            .attr("tabindex", "0")
            .live_attr("aria-label", move || format!("Messages in {}", room_name.get()))
            .live_flag("aria-busy", move || edges.get().loading)
            .child(content.clone());
        let scroll = Scroll {
            props: self,
            viewport: viewport.node().clone(),
            rows: list.node().clone(),
            anchor: Rc::default(),
            asked_at: Rc::default(),
        };
        for element in [&content, &viewport] {
            let scroll = scroll.clone();
            observe_size(element.node(), move || scroll.settle());
        }
        scroll.follow_state();
        let rows = list.node().clone();
        let noted = scroll.clone();
        let viewport = viewport.on("keydown", move |event: KeyboardEvent| walk(&event, &rows)).on(
            "scroll",
            move |_: Event| {
                noted.note();
                noted.ask_for_pages(true);
            },
        );
        el("div").class("log-place").child(viewport).part(move || self.jump(&scroll))
    }

    fn rows(self, active: RwSignal<Option<MessageId>>) -> El {
        let Self { table, .. } = self;
        let selected = [
            Selector::new(move || active.get()),
            Selector::new(move || self.actions.editing.get()),
            Selector::new(move || self.pointed.get()),
        ];
        let keys = move || table.with(|table| table.rows.iter().map(|row| row.key().number()).collect());
        let draw = move |key| match table.with_untracked(|table| table.get(key).cloned()) {
            Some(Row::Message(row)) => self.item(row, &selected),
            Some(Row::Day { unix_millis, .. }) => separator("day", &day_text(unix_millis)),
            Some(Row::New) | None => separator("divider", "New"),
        };
        el("ol")
            .on("pointerover", move |event: Event| active.set(message_of(event.target())))
            .on("pointerleave", move |_: Event| active.set(None))
            .on("focusin", move |event: Event| active.set(message_of(event.target())))
            .list(keys, draw)
    }

    fn item(self, first: MessageRow, selected: &[Selector<Option<MessageId>>; 3]) -> El {
        let Self { table, rights, actions, .. } = self;
        let id = first.message.id;
        let row =
            memo(move || table.with(|table| table.message(id).cloned()).unwrap_or_else(|| first.clone()));
        let [active, editing, pointed] = selected.each_ref().map(|selector| {
            let selector = selector.clone();
            derived(move || selector.selected(&Some(id)))
        });
        MessageItem { id, row, rights, active, editing, pointed, actions }.view()
    }

    /// What stands above the messages: whether there are older ones.
    fn top(self) -> Option<El> {
        let Self { room_name, on_older, .. } = self;
        let Edges { loaded, older, loading, .. } = self.edges.get();
        if !loaded {
            return None;
        }
        let top = if older {
            button("button small")
                .attr("aria-busy", if loading { "true" } else { "false" })
                .text(if loading { "Loading…" } else { "Load previous messages…" })
                .on_click(move || on_older.run(()))
        } else {
            let name = el("bdi").live_text(move || room_name.get());
            el("p").class("beginning").text("This is the beginning of ").child(name).text(".")
        };
        Some(top)
    }

    fn jump(self, scroll: &Scroll) -> Option<El> {
        let Self { edges, unread, at_end, on_latest, .. } = self;
        let Edges { loaded, newer, .. } = edges.get();
        if !loaded || (at_end.get() && !newer) {
            return None;
        }
        let words = move || match unread.get() {
            0 => "Jump to latest".to_owned(),
            count => format!("Jump to latest ({count})"),
        };
        let scroll = scroll.clone();
        let jump = button("jump button").child(icon("down")).child(el("span").live_text(words));
        Some(jump.on_click(move || if newer { on_latest.run(()) } else { scroll.go_to_end() }))
    }
}

fn separator(class: &str, words: &str) -> El {
    el("li").class(class).child(el("span").text(words))
}

/// The scrolled elements and where the reader is in them.
#[derive(Clone)]
struct Scroll {
    props: MessageList,
    viewport: Element,
    rows: Element,
    anchor: Rc<RefCell<ScrollAnchor>>,
    /// How many rows there were when a page was last asked for. If there are no more since, that failed: then it takes
    /// the reader to ask again.
    asked_at: Rc<Cell<Option<usize>>>,
}

impl Scroll {
    /// Goes where the list is to stand, and asks for more when what is there does not fill the view.
    fn follow_state(&self) {
        let MessageList { edges, start, .. } = self.props;
        let scroll = self.clone();
        effect(move || {
            if !edges.get().loading {
                let scroll = scroll.clone();
                request_animation_frame(move || scroll.ask_for_pages(false));
            }
        });
        let scroll = self.clone();
        effect(move || {
            let Some(wanted) = start.get() else { return };
            if !edges.get().loaded {
                return;
            }
            // After the rows were drawn.
            let scroll = scroll.clone();
            request_animation_frame(move || {
                scroll.go_to_start(wanted);
                scroll.note();
                start.try_set(None);
            });
        });
    }

    fn note(&self) {
        let mut anchor = self.anchor.borrow_mut();
        anchor.note(&self.viewport, &self.rows, self.more_below());
        let at_end = self.props.at_end;
        // Frames and observers may come once more when the page is gone; then there is nothing to tell.
        if at_end.try_get_untracked().is_some_and(|known| known != anchor.is_at_end()) {
            at_end.set(anchor.is_at_end());
        }
    }

    fn settle(&self) {
        self.anchor.borrow_mut().settle(&self.viewport, &self.rows, self.more_below());
        self.ask_for_pages(false);
    }

    fn go_to_end(&self) {
        self.anchor.borrow_mut().go_to_end(&self.viewport, &self.rows);
        self.note();
    }

    fn go_to_start(&self, start: Start) {
        let Self { viewport, rows, .. } = self;
        let find = |selector: &str| {
            rows.query_selector(selector).ok().flatten().and_then(|row| row.dyn_into::<HtmlElement>().ok())
        };
        let mut anchor = self.anchor.borrow_mut();
        match start {
            Start::At(id) => {
                if let Some(row) = find(&format!("[data-id='{id}']")) {
                    anchor.go_to(viewport, rows, &row, POINTED_AT, self.more_below());
                }
            }
            Start::Newest => {
                anchor.go_to_end(viewport, rows);
                if let Some(divider) = find(".divider")
                    && divider.offset_top() < viewport.scroll_top()
                {
                    anchor.go_to(viewport, rows, &divider, DIVIDER_AT, self.more_below());
                }
            }
        }
    }

    /// Whether the end of the list is not the end.
    fn more_below(&self) -> bool {
        self.props.edges.try_get_untracked().is_some_and(|edges| edges.newer)
    }

    fn ask_for_pages(&self, by_reader: bool) {
        let MessageList { edges, table, on_older, on_newer, .. } = self.props;
        let Some(edges) = edges.try_get_untracked().filter(|edges| edges.loaded && !edges.loading) else {
            return;
        };
        let rows = Some(table.with_untracked(|table| table.rows.len()));
        if !by_reader && self.asked_at.get() == rows {
            return;
        }
        let viewport = &self.viewport;
        let below = viewport.scroll_height() - viewport.scroll_top() - viewport.client_height();
        let action = if edges.older && viewport.scroll_top() < PAGE_AHEAD_PIXELS {
            on_older
        } else if edges.newer && below < PAGE_AHEAD_PIXELS {
            on_newer
        } else {
            return;
        };
        self.asked_at.set(rows);
        action.run(());
    }
}

/// Calls back whenever the element's size changes, before the browser paints.
fn observe_size(element: &Element, on_change: impl Fn() + 'static) {
    let callback = Closure::<dyn FnMut(JsValue, JsValue)>::new(move |_, _| on_change());
    let Ok(observer) = ResizeObserver::new(callback.as_ref().unchecked_ref()) else { return };
    observer.observe(element);
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
fn walk(event: &KeyboardEvent, list: &Element) {
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
