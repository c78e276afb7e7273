//! Changes the text of a field as if it had been typed, so that the browser can undo it.

use wasm_bindgen::JsCast;
use web_sys::{Event, EventInit, HtmlDocument, HtmlTextAreaElement};

use crate::browser;
use crate::state::composing::Change;

/// The field of that selector.
pub fn field(selector: &str) -> Option<HtmlTextAreaElement> {
    browser::find(selector)?.dyn_into().ok()
}

/// Whether the user writes in a field.
pub fn has_focus(field: &HtmlTextAreaElement) -> bool {
    browser::document().active_element().as_ref() == Some(field.as_ref())
}

/// What is selected in a field.
pub fn selection(field: &HtmlTextAreaElement) -> (usize, usize) {
    let place = |place: Option<u32>| place.and_then(|place| usize::try_from(place).ok()).unwrap_or(0);
    (place(field.selection_start().ok().flatten()), place(field.selection_end().ok().flatten()))
}

/// Puts the caret back into the focused field. A dialog that closes gives the focus back without it, or before the text.
pub fn restore_caret() {
    let focused = browser::document().active_element();
    if let Some(field) = focused.and_then(|it| it.dyn_into::<HtmlTextAreaElement>().ok()) {
        let (start, end) = match selection(&field) {
            (0, 0) => (u32::MAX, u32::MAX),
            (start, end) => (number(start), number(end)),
        };
        // Only fails for elements without text.
        let _ = field.set_selection_range(start, end);
    }
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Makes a change. The field has the focus then.
pub fn change(field: &HtmlTextAreaElement, change: &Change) {
    // All of this only fails for elements without text.
    let _ = field.focus();
    let _ = field.set_selection_range(number(change.start), number(change.end));
    let page = browser::document().dyn_into::<HtmlDocument>();
    let is_typed = page.is_ok_and(|page| {
        page.exec_command_with_show_ui_and_value("insertText", false, &change.text).unwrap_or(false)
    });
    if !is_typed {
        let (start, end) = (number(change.start), number(change.end));
        let _ = field.set_range_text_with_start_and_end(&change.text, start, end);
        let options = EventInit::new();
        options.set_bubbles(true);
        if let Ok(event) = Event::new_with_event_init_dict("input", &options) {
            let _ = field.dispatch_event(&event);
        }
    }
    let _ = field.set_selection_range(number(change.select_start), number(change.select_end));
}
