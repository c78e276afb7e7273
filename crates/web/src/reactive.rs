//! Signals, effects and memos of Leptos, behind `Box`: each closure is a type of its own, and what is generic over it
//! is compiled anew for each. In a program that every visitor downloads, that counts.

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
