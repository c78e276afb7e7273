//! How the list scrolls: it follows its end or stays at the row being read, and loads pages near both ends.

use std::sync::Arc;

use leptos::html::{Div, Ol};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::boxed::{effect, in_next_frame};
use crate::components::message_list::edges::ListEdges;
use crate::components::message_list::row_table::RowTable;
use crate::components::message_list::target::ScrollTarget;
use crate::components::scroll_anchor::ScrollAnchor;

/// Closer than this to either end, the next page is loaded.
const PAGE_AHEAD_PIXELS: i32 = 700;
/// Where a message stands that the URL points at, as a part of the view's height.
const POINTED_AT: f64 = 0.35;
/// Where the "New" divider stands when the unread messages do not fit into the view.
const DIVIDER_AT: f64 = 0.12;

/// The scrolled elements and their state. A copy is the same list.
#[derive(Clone, Copy)]
pub struct ListScroll {
    viewport: NodeRef<Div>,
    list: NodeRef<Ol>,
    table: Memo<Arc<RowTable>>,
    edges: Memo<ListEdges>,
    target: RwSignal<Option<ScrollTarget>>,
    at_end: RwSignal<bool>,
    on_older: Callback<()>,
    on_newer: Callback<()>,
    anchor: StoredValue<ScrollAnchor, LocalStorage>,
    /// The first and the last row at the last request for a page. If they are the same since, it failed, and only the
    /// user's scrolling repeats it.
    requested_at: StoredValue<Option<(u128, u128)>>,
}

impl ListScroll {
    /// Takes the list's elements and props.
    #[allow(clippy::too_many_arguments)] // They are the list's props.
    pub fn new(
        viewport: NodeRef<Div>,
        list: NodeRef<Ol>,
        table: Memo<Arc<RowTable>>,
        edges: Memo<ListEdges>,
        target: RwSignal<Option<ScrollTarget>>,
        at_end: RwSignal<bool>,
        on_older: Callback<()>,
        on_newer: Callback<()>,
    ) -> Self {
        Self {
            viewport,
            list,
            table,
            edges,
            target,
            at_end,
            on_older,
            on_newer,
            anchor: StoredValue::new_local(ScrollAnchor::default()),
            requested_at: StoredValue::new(None),
        }
    }

    /// Scrolls to each new target, and loads more when the loaded messages do not fill the view.
    pub fn follow_state(self) {
        let Self { table, edges, target, .. } = self;
        effect(move || {
            table.track();
            // After the rows were drawn. The size tells nothing when as many rows were dropped as were added.
            queue_microtask(move || self.settle());
        });
        effect(move || {
            if !edges.get().loading {
                in_next_frame(move || self.load_pages(false));
            }
        });
        effect(move || {
            let Some(wanted) = target.get() else { return };
            if !edges.get().loaded {
                return;
            }
            // After the rows were drawn.
            in_next_frame(move || {
                if target.try_get_untracked().flatten() == Some(wanted) {
                    self.go_to(wanted);
                    self.note();
                    target.set(None);
                }
            });
        });
    }

    /// The user or the list scrolled.
    pub fn scrolled(self) {
        let by_user = self.note();
        self.load_pages(by_user);
    }

    /// The size of the content or of the view changed.
    pub fn settle(self) {
        let more_below = self.more_below();
        self.with_anchor(|anchor, viewport, list| anchor.settle(viewport, list, more_below));
        self.load_pages(false);
    }

    /// Scrolls to the end, and follows it from now on.
    pub fn go_to_end(self) {
        self.with_anchor(ScrollAnchor::go_to_end);
        self.note();
    }

    fn go_to(self, target: ScrollTarget) {
        let more_below = self.more_below();
        self.with_anchor(|anchor, viewport, list| {
            let find = |selector: &str| {
                let row = list.query_selector(selector).ok().flatten();
                row.and_then(|row| row.dyn_into::<HtmlElement>().ok())
            };
            match target {
                ScrollTarget::Message(id) | ScrollTarget::Place(id) => {
                    let part = if matches!(target, ScrollTarget::Place(_)) { 0.0 } else { POINTED_AT };
                    if let Some(row) = find(&format!("[data-id='{id}']")) {
                        anchor.go_to(viewport, list, &row, part, more_below);
                    }
                }
                ScrollTarget::Newest | ScrollTarget::Unread => {
                    anchor.go_to_end(viewport, list);
                    if target == ScrollTarget::Unread
                        && let Some(divider) = find(".divider")
                        // With more messages below, the end of the list is not where the user wants to be.
                        && (more_below || divider.offset_top() < viewport.scroll_top())
                    {
                        anchor.go_to(viewport, list, &divider, DIVIDER_AT, more_below);
                    }
                }
            }
        });
    }

    /// Returns whether the user has scrolled since.
    fn note(self) -> bool {
        let more_below = self.more_below();
        let noted = self.with_anchor(|anchor, viewport, list| {
            let by_user = anchor.note(viewport, list, more_below);
            (anchor.is_at_end(), by_user)
        });
        let Some((at_end, by_user)) = noted else { return false };
        if self.at_end.try_get_untracked().is_some_and(|known| known != at_end) {
            self.at_end.set(at_end);
        }
        by_user
    }

    /// Whether there are messages below the end of the list.
    fn more_below(self) -> bool {
        self.edges.try_get_untracked().is_some_and(|edges| edges.newer)
    }

    fn load_pages(self, by_user: bool) {
        let edges = self.edges.try_get_untracked().filter(|edges| edges.loaded && !edges.loading);
        let (Some(edges), Some(viewport)) = (edges, self.viewport.try_get_untracked().flatten()) else {
            return;
        };
        let rows = self.table.with_untracked(|table| table.ends());
        if !by_user && self.requested_at.get_value() == rows {
            return;
        }
        // Most users at the end never scroll up, so the page above is loaded when they do.
        let waits = !by_user && self.at_end.try_get_untracked() == Some(true);
        let ahead = if waits { 1 } else { PAGE_AHEAD_PIXELS };
        let below = viewport.scroll_height() - viewport.scroll_top() - viewport.client_height();
        let action = if edges.older && viewport.scroll_top() < ahead {
            self.on_older
        } else if edges.newer && below < PAGE_AHEAD_PIXELS {
            self.on_newer
        } else {
            return;
        };
        self.requested_at.set_value(rows);
        action.run(());
    }

    /// Runs with the anchor and the elements. Frames and observers may still call back when the list has been removed;
    /// then there is nothing to run with.
    fn with_anchor<T>(
        self,
        run: impl FnOnce(&mut ScrollAnchor, &web_sys::Element, &web_sys::Element) -> T,
    ) -> Option<T> {
        let viewport = self.viewport.try_get_untracked().flatten()?;
        let list = self.list.try_get_untracked().flatten()?;
        self.anchor.try_update_value(|anchor| run(anchor, &viewport, &list))
    }
}
