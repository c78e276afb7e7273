//! Moves the focus from message to message by keyboard.

use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlTextAreaElement, KeyboardEvent};

use crate::browser;
use crate::components::keys;
use crate::state::shortcuts::{Command, Place};

/// Up and Down move the focus to the next message, Home and End to the first and last.
pub fn move_focus(event: &KeyboardEvent, list: &Element) {
    let Some(command) = keys::command(Place::List, event) else { return };
    let focused = browser::document().active_element();
    // In the editor these keys move the caret.
    if focused.as_ref().is_some_and(|element| element.has_type::<HtmlTextAreaElement>()) {
        return;
    }
    let here = focused.and_then(|element| element.closest("li[data-id]").ok().flatten());
    let edge = |last: bool| if last { list.last_element_child() } else { list.first_element_child() };
    let step = |from: &Element, down: bool| {
        if down { from.next_element_sibling() } else { from.previous_element_sibling() }
    };
    let (mut candidate, down) = match (command, &here) {
        (Command::PreviousMessage, Some(here)) => (step(here, false), false),
        (Command::NextMessage, Some(here)) => (step(here, true), true),
        (Command::PreviousMessage | Command::NextMessage, None) => (edge(true), false),
        (Command::FirstMessage, _) => (edge(false), true),
        (Command::LastMessage, _) => (edge(true), false),
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
