//! Signals, effects and memos of Leptos, behind `Box`: each closure is a type of its own, and what is generic over it
//! is compiled anew for each. In a program that every visitor downloads, that counts.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::reactive::effect::RenderEffect;

/// Does something soon, and again whenever the state that it looked at changed.
pub fn effect(action: impl Fn() + 'static) {
    let action: Box<dyn Fn()> = Box::new(action);
    Effect::new(action);
}

/// Does something at once, and again whenever the state that it looked at changed.
pub fn live(action: impl FnMut() + 'static) {
    live_boxed(Box::new(action));
}

fn live_boxed(mut action: Box<dyn FnMut()>) {
    keep(RenderEffect::new(move |_| action()));
}

/// Keeps something as long as the part of the page that is being made.
pub fn keep<T: 'static>(thing: T) {
    StoredValue::new_local(thing);
}

/// A value that follows the state, made anew each time it is looked at.
pub fn derived<T: Send + Sync + 'static>(value: impl Fn() -> T + Send + Sync + 'static) -> Signal<T> {
    let value: Box<dyn Fn() -> T + Send + Sync> = Box::new(value);
    Signal::derive(value)
}

/// A value that follows the state and only tells when it became another.
pub fn memo<T: PartialEq + Send + Sync + 'static>(value: impl Fn() -> T + Send + Sync + 'static) -> Memo<T> {
    let value: Box<dyn Fn() -> T + Send + Sync> = Box::new(value);
    Memo::new(move |_| value())
}

/// Somebody who pauses this long has finished a thought: then what they type is checked.
const TYPING_PAUSE: Duration = Duration::from_millis(750);

/// Puts something off for as long as typing goes on. Ends with the part of the page that it is in.
#[derive(Clone, Copy)]
pub struct Debounce(StoredValue<Option<TimeoutHandle>>);

impl Debounce {
    /// Nothing is put off yet.
    pub fn idle() -> Self {
        let debounce = Self(StoredValue::new(None));
        on_cleanup(move || debounce.stop());
        debounce
    }

    /// Does it after a pause, and not what was put off before.
    pub fn start(self, action: impl FnOnce() + 'static) {
        self.stop();
        self.0.set_value(set_timeout_with_handle(action, TYPING_PAUSE).ok());
    }

    /// Does not do it.
    pub fn stop(self) {
        if let Some(timer) = self.0.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }
}
