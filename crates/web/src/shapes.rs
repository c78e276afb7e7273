//! What views are made of besides markup, in few shapes.
//!
//! Leptos compiles a view anew for each type of closure in it, and each closure is a type of its own: in a program
//! that every visitor downloads this was more than half of the size. Behind a `Box` they are all of one type.

use std::sync::Arc;

use leptos::prelude::*;

/// Text that follows the state: a child, or an attribute's value.
pub type Text = Box<dyn FnMut() -> String + Send>;
/// A part of a view that follows the state.
pub type Part = Box<dyn FnMut() -> AnyView + Send>;
/// Whether a class is on.
pub type Flag = Box<dyn FnMut() -> bool + Send>;

/// Text that follows the state.
pub fn text<T: Into<String>>(mut text: impl FnMut() -> T + Send + 'static) -> Text {
    Box::new(move || text().into())
}

/// A part of a view that follows the state.
pub fn part<V: IntoAny>(mut part: impl FnMut() -> V + Send + 'static) -> Part {
    Box::new(move || part().into_any())
}

/// A part of a view that is there or not.
pub fn maybe<V: IntoAny>(mut part: impl FnMut() -> Option<V> + Send + 'static) -> Part {
    Box::new(move || part().map_or_else(|| ().into_any(), IntoAny::into_any))
}

/// Whether a class is on.
pub fn flag(flag: impl FnMut() -> bool + Send + 'static) -> Flag {
    Box::new(flag)
}

/// What happens at an event.
pub fn handle<E>(handler: impl FnMut(E) + 'static) -> Box<dyn FnMut(E)> {
    Box::new(handler)
}

/// What happens at an event about which nothing needs to be known.
pub fn act<E>(mut action: impl FnMut() + 'static) -> Box<dyn FnMut(E)> {
    Box::new(move |_| action())
}

/// Does something at once, and again whenever the state that it looked at changed.
pub fn effect(mut action: impl FnMut() + 'static) {
    let mut action: Box<dyn FnMut()> = Box::new(move || action());
    Effect::new(move || action());
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

/// A list that follows the state: an item whose key stays is kept as it is. Every key is a number of 128 bits, as
/// ids are, so that all lists are one.
pub fn each(
    keys: impl Fn() -> Vec<u128> + Send + Sync + 'static,
    draw: impl Fn(u128) -> AnyView + Send + Sync + 'static,
) -> AnyView {
    let keys: Box<dyn Fn() -> Vec<u128> + Send + Sync> = Box::new(keys);
    let draw: Arc<dyn Fn(u128) -> AnyView + Send + Sync> = Arc::new(draw);
    keyed(keys, draw)
}

fn keyed(
    keys: Box<dyn Fn() -> Vec<u128> + Send + Sync>,
    draw: Arc<dyn Fn(u128) -> AnyView + Send + Sync>,
) -> AnyView {
    let children = move |key| draw(key);
    view! { <For each=keys key=|key| *key children /> }.into_any()
}
