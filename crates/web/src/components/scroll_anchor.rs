//! Keeps a scrolled list where the reader is: at the end while they are there, else at the row they read.
//!
//! Whenever the content changes its size, for whatever reason (older pages above, a new message below, an image, the
//! composer growing), `settle` puts the list back before the browser paints.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::browser;

/// A reader this many pixels from the end is at the end.
const END_PIXELS: i32 = 48;

/// Where the reader is.
#[derive(Default)]
pub struct ScrollAnchor {
    away_from_end: bool,
    /// A row and how far its text is below the upper edge.
    row: Option<(HtmlElement, i32)>,
    /// How far the list was scrolled then.
    top: i32,
    /// How high its content was then.
    height: i32,
}

impl ScrollAnchor {
    /// Whether the reader is at the end.
    pub fn is_at_end(&self) -> bool {
        !self.away_from_end
    }

    /// The list was scrolled. With `more_below` the end of the list is not the end. Returns whether the reader did it.
    pub fn note(&mut self, viewport: &Element, rows: &Element, more_below: bool) -> bool {
        let by_user = viewport.scroll_top() != self.top;
        // The event may arrive between a change of the content and its `settle`.
        if viewport.scroll_height() != self.height {
            self.settle(viewport, rows, more_below);
        } else if viewport.scroll_top() != self.top {
            self.remember(viewport, rows, more_below);
        }
        by_user
    }

    /// The content changed: puts the list back to where the reader was.
    pub fn settle(&mut self, viewport: &Element, rows: &Element, more_below: bool) {
        // The reader may have scrolled on without its event having come yet.
        let mut scrolled = viewport.scroll_top() - self.top;
        // Content that became shorter scrolls by itself.
        if scrolled < 0 && pixels_below(viewport) <= 0 && viewport.scroll_height() < self.height {
            scrolled = 0;
        }
        let left_end = scrolled < -END_PIXELS && pixels_below(viewport) > END_PIXELS;
        let at_end = !self.away_from_end && !left_end;
        if at_end {
            viewport.set_scroll_top(viewport.scroll_height());
        } else if let Some((row, distance)) = &self.row
            && row.is_connected()
        {
            viewport.set_scroll_top(text_top(row) - distance + scrolled);
        }
        if at_end || scrolled != 0 || self.row.as_ref().is_none_or(|(row, _)| !row.is_connected()) {
            self.remember(viewport, rows, more_below);
        } else {
            // One change may come in several steps, so the row stays the same until the reader scrolls.
            self.measure(viewport, more_below);
        }
        self.away_from_end &= !at_end;
    }

    /// Stores where the list is and which row holds it there.
    fn remember(&mut self, viewport: &Element, rows: &Element, more_below: bool) {
        self.measure(viewport, more_below);
        self.row = first_row_below(rows, self.top).map(|row| {
            let distance = text_top(&row) - self.top;
            (row, distance)
        });
    }

    fn measure(&mut self, viewport: &Element, more_below: bool) {
        let top = viewport.scroll_top();
        let at_end = pixels_below(viewport) <= END_PIXELS && !more_below;
        // A user leaves the end by scrolling up. Content that grew before it was settled does not take them away.
        self.away_from_end = !at_end && (self.away_from_end || more_below || top < self.top);
        self.top = top;
        self.height = viewport.scroll_height();
    }

    /// Goes to the end and stays there.
    pub fn go_to_end(&mut self, viewport: &Element, rows: &Element) {
        viewport.set_scroll_top(viewport.scroll_height());
        self.remember(viewport, rows, false);
        self.away_from_end = false;
    }

    /// Goes to a row, so that it stands this part of the viewport's height below the upper edge.
    pub fn go_to(
        &mut self,
        viewport: &Element,
        rows: &Element,
        row: &HtmlElement,
        part: f64,
        more_below: bool,
    ) {
        #[allow(clippy::cast_possible_truncation)] // Pixels.
        let margin = (f64::from(viewport.client_height()) * part) as i32;
        viewport.set_scroll_top(row.offset_top() - margin);
        self.away_from_end = true;
        self.remember(viewport, rows, more_below);
    }
}

/// Where a row's text, or the editor in its place, begins. The heading above it comes and goes with the message before.
fn text_top(row: &HtmlElement) -> i32 {
    let text = row.query_selector(".text, .editor").ok().flatten();
    let text = text.and_then(|text| text.dyn_into::<HtmlElement>().ok());
    row.offset_top() + text.map_or(0, |text| text.offset_top())
}

/// The id of the first message in view, unless the end is in view.
pub fn first_in_view() -> Option<String> {
    let viewport = browser::find(".log").filter(|viewport| pixels_below(viewport) > END_PIXELS)?;
    first_row_below(&*browser::find(".log ol")?, viewport.scroll_top())?.get_attribute("data-id")
}

fn pixels_below(viewport: &Element) -> i32 {
    viewport.scroll_height() - viewport.scroll_top() - viewport.client_height()
}

/// The first message whose lower edge is below `top`. Rows lie in order, so a bisection finds it. Separators hold
/// nothing in place: an older page puts other rows between them and what they stand above.
fn first_row_below(rows: &Element, top: i32) -> Option<HtmlElement> {
    let children = rows.children();
    let row = |place: u32| children.item(place).and_then(|row| row.dyn_into::<HtmlElement>().ok());
    let (mut low, mut high) = (0, children.length());
    while low < high {
        let middle = low + (high - low) / 2;
        let candidate = row(middle)?;
        if candidate.offset_top() + candidate.offset_height() > top {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    (low..children.length()).find_map(|place| row(place).filter(|row| row.has_attribute("data-id")))
}
