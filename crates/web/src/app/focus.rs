//! Keeps the focus on the page's parts: where a focused button vanishes, its surroundings get the focus.
//!
//! Else the browser moves the focus to the page as a whole, and keyboard users start from the top again.

use std::cell::RefCell;
use std::rc::Rc;

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, EventTarget, HtmlBodyElement, HtmlElement, MutationObserver, MutationObserverInit};

use crate::browser;

/// The focused element and everything around it, up to its dialog. After a dialog, the focus returns to what was focused
/// before, so the page and each open dialog have a path of their own.
type Path = Vec<Element>;

/// Follows the focus from now on.
pub fn keep_focus() {
    let paths = Rc::new(RefCell::new(Vec::<(Option<Element>, Path)>::new()));
    let followed = paths.clone();
    let _ = window_event_listener(ev::focusin, move |event| {
        let Some(target) = element(event.target()) else { return };
        let root = dialog_of(&target);
        let path = std::iter::successors(Some(target), |it| it.parent_element());
        let path = path.take_while(|it| Some(it) != root.as_ref()).collect();
        let mut paths = followed.borrow_mut();
        paths.retain(|(other, _)| *other != root && other.as_ref().is_none_or(|it| it.has_attribute("open")));
        paths.push((root, path));
    });
    // A click elsewhere takes the focus away on purpose.
    let clicked = paths.clone();
    let _ = window_event_listener(ev::pointerdown, move |event| {
        let Some(target) = element(event.target()) else { return };
        let root = dialog_of(&target);
        clicked.borrow_mut().retain(|(other, path)| {
            *other != root || path.first().is_some_and(|focused| focused.contains(Some(&target)))
        });
    });
    let restore = move || {
        let focused = browser::document().active_element();
        if focused.is_some_and(|focused| !focused.has_type::<HtmlBodyElement>()) {
            return;
        }
        let root = top_dialog();
        // A copy, because the focus is followed while it is moved.
        let path = paths.borrow().iter().find(|(other, _)| *other == root).map(|(_, path)| path.clone());
        let path = path.unwrap_or_default();
        if path.first().is_some_and(|focused| !focused.is_connected()) {
            let around = path.iter().find(|it| it.is_connected() && it.has_attribute("tabindex"));
            let around = around.and_then(|it| it.dyn_ref::<HtmlElement>().cloned());
            let home = || match &root {
                Some(dialog) => dialog.query_selector("[tabindex]").ok().flatten()?.dyn_into().ok(),
                None => browser::find("#main"),
            };
            if let Some(home) = around.or_else(home) {
                browser::focus_quietly(&home);
            }
        }
    };
    let callback = Closure::<dyn FnMut()>::new(restore).into_js_value();
    let Ok(observer) = MutationObserver::new(callback.unchecked_ref()) else { return };
    let options = MutationObserverInit::new();
    options.set_child_list(true);
    options.set_subtree(true);
    // A dialog that closes.
    options.set_attribute_filter(&js_sys::Array::of1(&"open".into()));
    if let Some(body) = browser::document().body() {
        // Only refused for options that contradict each other.
        let _ = observer.observe_with_options(&body, &options);
    }
}

fn element(target: Option<EventTarget>) -> Option<Element> {
    target?.dyn_into().ok()
}

fn dialog_of(element: &Element) -> Option<Element> {
    element.closest("dialog").ok().flatten()
}

/// The dialog that lies above all others: questions come last in the page.
fn top_dialog() -> Option<Element> {
    let open = browser::document().query_selector_all("dialog[open]").ok()?;
    open.get(open.length().checked_sub(1)?)?.dyn_into().ok()
}
