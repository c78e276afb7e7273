//! Keeps the focus on the page's parts: where a focused button vanishes, its surroundings get the focus.
//!
//! Else the browser moves the focus to the page as a whole, and keyboard users start from the top again.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, HtmlElement, MutationObserver, MutationObserverInit};

use crate::browser;

/// Follows the focus from now on.
pub fn keep_focus() {
    // The focused element and everything around it.
    let path = StoredValue::new_local(Vec::<Element>::new());
    let _ = window_event_listener(ev::focusin, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        // After a dialog, the focus returns to what was focused before.
        if let Some(target) = target.filter(|target| !matches!(target.closest("dialog"), Ok(Some(_)))) {
            path.set_value(std::iter::successors(Some(target), |it| it.parent_element()).collect());
        }
    });
    // A click elsewhere takes the focus away on purpose.
    let _ = window_event_listener(ev::pointerdown, move |event| {
        let target = event.target().and_then(|target| target.dyn_into::<web_sys::Node>().ok());
        path.update_value(|path| {
            if path.first().is_some_and(|focused| !focused.contains(target.as_ref())) {
                path.clear();
            }
        });
    });
    let restore = move || {
        let page = browser::document();
        let is_lost =
            page.active_element().is_none_or(|focused| focused.has_type::<web_sys::HtmlBodyElement>());
        if !is_lost {
            return;
        }
        path.with_value(|path| {
            if path.first().is_some_and(|focused| !focused.is_connected()) {
                let around = path.iter().find(|it| it.is_connected() && it.has_attribute("tabindex"));
                let around = around.and_then(|it| it.dyn_ref::<HtmlElement>().cloned());
                if let Some(home) = around.or_else(|| browser::find("#main")) {
                    browser::focus_quietly(&home);
                }
            }
        });
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
