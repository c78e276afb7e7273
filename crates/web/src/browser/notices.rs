//! Desktop notifications, by the browser's API while a tab is open.

use js_sys::Reflect;
use js_sys::futures::JsFuture;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Notification, NotificationOptions, NotificationPermission};

/// Whether the browser shows notifications of this site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It does.
    Granted,
    /// The user, or the browser, forbids it.
    Denied,
    /// Nobody has decided.
    Undecided,
    /// The browser has none, or none outside of secure contexts.
    Unsupported,
}

/// What the browser allows.
pub fn permission() -> Permission {
    let exists = Reflect::has(&js_sys::global(), &JsValue::from_str("Notification")).unwrap_or(false);
    if !exists {
        return Permission::Unsupported;
    }
    match Notification::permission() {
        NotificationPermission::Granted => Permission::Granted,
        NotificationPermission::Denied => Permission::Denied,
        _ => Permission::Undecided,
    }
}

/// Asks the user, by a dialog of the browser's. Only a click may lead here.
pub async fn ask() -> Permission {
    if permission() == Permission::Undecided
        && let Ok(answer) = Notification::request_permission()
    {
        // The answer is read below, whatever it is.
        let _ = JsFuture::from(answer).await;
    }
    permission()
}

/// Shows a notification. Another one with the same tag takes its place.
pub fn show(title: &str, body: &str, tag: &str, is_silent: bool, on_click: impl FnMut() + 'static) {
    let options = NotificationOptions::new();
    options.set_body(body);
    options.set_tag(tag);
    options.set_silent(Some(is_silent));
    let Ok(notification) = Notification::new_with_options(title, &options) else { return };
    let mut on_click = on_click;
    let shown = notification.clone();
    let click = Closure::<dyn FnMut()>::new(move || {
        if let Some(window) = web_sys::window() {
            // Browsers allow it only here. Else the user finds the tab by themselves.
            let _ = window.focus();
        }
        on_click();
        shown.close();
    });
    notification.set_onclick(Some(click.as_ref().unchecked_ref()));
    // It lives as long as the notification, of whose end the page is not told reliably.
    click.forget();
}
