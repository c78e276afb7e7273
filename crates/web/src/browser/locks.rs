//! Locks between the tabs of a browser (the Web Locks API).
//!
//! Browsers have them only in secure contexts, so nothing may depend on them for being correct.

use std::time::Duration;

use futures_channel::oneshot;
use js_sys::{Function, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// A tab that sleeps may keep a lock for ever. Longer than any request takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock(Function);

impl Drop for Lock {
    fn drop(&mut self) {
        // A promise's resolver does not fail.
        let _ = self.0.call0(&JsValue::UNDEFINED);
    }
}

/// Waits for the lock of that name. `None` when the browser has no locks or another tab does not let go of this one.
pub async fn hold(name: &str) -> Option<Lock> {
    let locks = Reflect::get(&window().navigator(), &JsValue::from_str("locks")).ok()?;
    let request = Reflect::get(&locks, &JsValue::from_str("request")).ok()?.dyn_into::<Function>().ok()?;
    let (granted, lock) = oneshot::channel();
    let on_granted = Closure::once_into_js(move |_: JsValue| {
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        // When nobody waits any longer, the lock is let go at once.
        match release.map(|release| granted.send(Lock(release))) {
            Some(Ok(())) => held.into(),
            _ => JsValue::UNDEFINED,
        }
    });
    request.call2(&locks, &JsValue::from_str(name), &on_granted).ok()?;
    super::within(PATIENCE, lock).await?.ok()
}
