//! Back closes what lies above the page, instead of leaving the page.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Event, EventInit, HtmlDialogElement};

use crate::boxed::memo;
use crate::browser;
use crate::navigation::Navigation;
use crate::overlays::Overlays;

/// Gives overlays an entry in the history, and follows Back from now on.
pub fn close_by_back(navigation: Navigation, overlays: Overlays) {
    let is_covered = memo(move || overlays.covers_page());
    Effect::new(move |before: Option<()>| match is_covered.get() {
        true => navigation.cover(),
        false if before.is_some() => navigation.uncover(),
        false => {}
    });
    Effect::new(move |before: Option<()>| {
        navigation.uncovered.track();
        if before.is_some() && !close_top(overlays) {
            navigation.cover();
        }
    });
}

/// Closes the uppermost overlay, as Escape would. Returns whether nothing is left above the page.
fn close_top(overlays: Overlays) -> bool {
    let Ok(dialogs) = browser::document().query_selector_all("dialog[open]") else { return false };
    let count = dialogs.length();
    let top = count.checked_sub(1).and_then(|last| dialogs.get(last));
    let Some(dialog) = top.and_then(|top| top.dyn_into::<HtmlDialogElement>().ok()) else {
        overlays.menu.set(false);
        overlays.people.set(false);
        overlays.thread.set(None);
        return true;
    };
    let options = EventInit::new();
    options.set_cancelable(true);
    let is_refused = Event::new_with_event_init_dict("cancel", &options)
        .is_ok_and(|request| dialog.dispatch_event(&request) == Ok(false));
    if is_refused {
        // It has asked, or closed itself.
        return !untrack(|| overlays.covers_page());
    }
    dialog.close();
    count == 1
}
