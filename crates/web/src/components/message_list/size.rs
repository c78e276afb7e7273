//! Observes the size of an element.

use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, ResizeObserver};

/// Calls back whenever the element's size changes, before the browser paints. Ends with the current owner.
pub fn observe_size(element: &Element, on_change: impl Fn() + 'static) {
    let callback = Closure::<dyn FnMut(JsValue, JsValue)>::new(move |_, _| on_change());
    let Ok(observer) = ResizeObserver::new(callback.as_ref().unchecked_ref()) else { return };
    observer.observe(element);
    let kept = StoredValue::new_local(Some((observer, callback)));
    on_cleanup(move || {
        if let Some((observer, _)) = kept.try_update_value(Option::take).flatten() {
            observer.disconnect();
        }
    });
}
