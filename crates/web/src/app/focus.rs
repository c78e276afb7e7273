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

/// Follows the focus from now on.
pub fn keep_focus() {
    // The focused element and everything around it.
    let path = Rc::new(RefCell::new(Vec::<Element>::new()));
    // After a dialog, the focus returns to what was focused before.
    let outside_dialogs = |target: Option<EventTarget>| {
        let target = target.and_then(|target| target.dyn_into::<Element>().ok());
        target.filter(|target| !matches!(target.closest("dialog"), Ok(Some(_))))
    };
    let followed = path.clone();
    let _ = window_event_listener(ev::focusin, move |event| {
        if let Some(target) = outside_dialogs(event.target()) {
            *followed.borrow_mut() = std::iter::successors(Some(target), |it| it.parent_element()).collect();
        }
    });
    // A click elsewhere takes the focus away on purpose.
    let clicked = path.clone();
    let _ = window_event_listener(ev::pointerdown, move |event| {
        let mut path = clicked.borrow_mut();
        if let (Some(target), Some(focused)) = (outside_dialogs(event.target()), path.first())
            && !focused.contains(Some(&target))
        {
            path.clear();
        }
    });
    let restore = move || {
        let focused = browser::document().active_element();
        if focused.is_some_and(|focused| !focused.has_type::<HtmlBodyElement>()) {
            return;
        }
        // A copy, because the focus is followed while it is moved.
        let path = path.borrow().clone();
        if path.first().is_some_and(|focused| !focused.is_connected()) {
            let around = path.iter().find(|it| it.is_connected() && it.has_attribute("tabindex"));
            let around = around.and_then(|it| it.dyn_ref::<HtmlElement>().cloned());
            if let Some(home) = around.or_else(|| browser::find("#main")) {
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
