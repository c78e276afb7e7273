//! Effects, memos and frames with boxed closures. Leptos would compile its code again for each closure: boxing saves 2 KB of the
//! compressed client.

use leptos::prelude::*;

/// Runs a closure now, and again whenever something it read has changed.
pub fn effect(run: impl FnMut() + 'static) {
    boxed_effect(Box::new(run));
}

#[inline(never)]
fn boxed_effect(run: Box<dyn FnMut()>) {
    Effect::new(run);
}

/// A value computed from other signals. It notifies only when the value changes.
pub fn memo<T: PartialEq + Send + Sync + 'static>(
    compute: impl Fn() -> T + Send + Sync + 'static,
) -> Memo<T> {
    boxed_memo(Box::new(compute))
}

#[inline(never)]
fn boxed_memo<T: PartialEq + Send + Sync + 'static>(compute: Box<dyn Fn() -> T + Send + Sync>) -> Memo<T> {
    Memo::new(move |_| compute())
}

/// Runs a closure before the next frame is painted, unless the effect or the component that asks for it has run again or
/// is gone by then: a page that is not visible has no frames, and when it is visible again its room may be gone.
pub fn in_next_frame(run: impl FnOnce() + 'static) {
    boxed_frame(Box::new(run));
}

#[inline(never)]
fn boxed_frame(run: Box<dyn FnOnce()>) {
    // Only fails where there is no window.
    if let Ok(handle) = request_animation_frame_with_handle(run) {
        on_cleanup(move || handle.cancel());
    }
}
