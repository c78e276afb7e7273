//! Moves the focus from message to message by keyboard.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

use crate::browser;

/// Up and Down move the focus to the next message, Home and End to the first and last.
pub fn move_focus(event: &KeyboardEvent, list: &Element) {
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
    // Separators cannot be focused.
    while let Some(row) = &candidate {
        if row.has_attribute("data-id") {
            break;
        }
        candidate = step(row, down);
    }
    if let Some(row) = candidate.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
        event.prevent_default();
        // Focusing an element of the page cannot fail.
        let _ = row.focus();
    }
}
