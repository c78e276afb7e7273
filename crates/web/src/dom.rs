//! Elements, in the manner of Leptos' builder syntax but all of one type.
//!
//! Leptos' own views are a type per element, attribute and child, with code for each: most of what a visitor would
//! download, and beyond the budget of the first load. These build the same DOM on the same signals. What follows the
//! state takes a closure and is updated by itself: `live_…` for text and attributes, `part` for elements that come and
//! go, `list` for many by key. Whatever belongs to an element ends with the part of the page that it is in.

use std::collections::HashMap;

use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Comment, Element, Event, Node, Text};

use crate::browser::document;
use crate::reactive::{keep, live};

/// An element under construction. A clone is the same element.
#[derive(Clone)]
pub struct El(Element);

/// An HTML element.
pub fn el(name: &'static str) -> El {
    // Only a malformed name is refused, and ours are constants; a `<template>` shows nothing.
    El(document().create_element(name).unwrap_or_else(|_| JsValue::NULL.unchecked_into()))
}

/// A button that is no submit button, with its class.
pub fn button(class: &str) -> El {
    el("button").attr("type", "button").class(class)
}

/// A button that is only an icon, with its label.
pub fn icon_button(label: &str, icon_name: &str) -> El {
    button("icon-button").attr("aria-label", label).attr("title", label).child(icon(icon_name))
}

/// An icon of the sprite in `index.html`. It says nothing to a screen reader: the control around it has the label.
pub fn icon(name: &str) -> El {
    const SVG: Option<&str> = Some("http://www.w3.org/2000/svg");
    let part =
        |name| El(document().create_element_ns(SVG, name).unwrap_or_else(|_| JsValue::NULL.unchecked_into()));
    let reference = part("use").attr("href", &format!("#icon-{name}"));
    part("svg").attr("class", "icon").attr("aria-hidden", "true").child(reference)
}

impl El {
    /// The element itself.
    pub fn node(&self) -> &Element {
        &self.0
    }

    /// The element as one of a more special type.
    pub fn cast<T: JsCast>(&self) -> T {
        self.0.clone().unchecked_into()
    }

    /// Sets a class, or several.
    pub fn class(self, class: &str) -> Self {
        self.attr("class", class)
    }

    /// Puts a class on and off.
    pub fn class_if(self, class: &'static str, on: impl Fn() -> bool + 'static) -> Self {
        let classes = self.0.class_list();
        live(move || {
            // Our names of classes have no blanks.
            let _ = classes.toggle_with_force(class, on());
        });
        self
    }

    /// Sets an attribute.
    pub fn attr(self, name: &str, value: &str) -> Self {
        set_attribute(&self.0, name, Some(value));
        self
    }

    /// Sets an attribute that follows the state.
    pub fn live_attr<T: Into<String>>(self, name: &'static str, value: impl Fn() -> T + 'static) -> Self {
        self.maybe_attr(name, move || Some(value().into()))
    }

    /// Sets an attribute that says yes or no, such as `aria-busy`.
    pub fn live_flag(self, name: &'static str, value: impl Fn() -> bool + 'static) -> Self {
        self.maybe_attr(name, move || Some(value().to_string()))
    }

    /// Sets an attribute that follows the state and is not always there.
    pub fn maybe_attr(self, name: &'static str, value: impl Fn() -> Option<String> + 'static) -> Self {
        let element = self.0.clone();
        live(move || set_attribute(&element, name, value().as_deref()));
        self
    }

    /// Sets the element's property, such as `value`, which is another thing than the attribute.
    pub fn live_property(self, name: &'static str, value: impl Fn() -> JsValue + 'static) -> Self {
        let element = self.0.clone();
        live(move || {
            let value = value();
            // Setting a field's text to what it is would move the caret.
            if Reflect::get(&element, &name.into()).ok().as_ref() != Some(&value) {
                let _ = Reflect::set(&element, &name.into(), &value);
            }
        });
        self
    }

    /// Shows text in a field, whenever it becomes another.
    pub fn value(self, text: RwSignal<String>) -> Self {
        self.live_property("value", move || text.with(|text| JsValue::from_str(text)))
    }

    /// Sets a custom property of the style. By the object model: the policy forbids `style` attributes.
    pub fn style(self, name: &str, value: &str) -> Self {
        let _ = self.cast::<web_sys::HtmlElement>().style().set_property(name, value);
        self
    }

    /// Does something when an event comes.
    pub fn on<E: JsCast>(self, event: &str, mut handler: impl FnMut(E) + 'static) -> Self {
        self.listen(event, Box::new(move |event| handler(event.unchecked_into())))
    }

    /// Does something on a click.
    pub fn on_click(self, mut action: impl FnMut() + 'static) -> Self {
        self.listen("click", Box::new(move |_| action()))
    }

    /// Takes the text of a field whenever one changes it.
    pub fn on_input(self, mut take: impl FnMut(String) + 'static) -> Self {
        self.listen("input", Box::new(move |event| take(event_target_value(&event))))
    }

    /// Does something when the form is sent, which then does not leave the page.
    pub fn on_submit(self, mut action: impl FnMut() + 'static) -> Self {
        let handler = move |event: Event| {
            event.prevent_default();
            action();
        };
        self.listen("submit", Box::new(handler))
    }

    /// Adds text.
    pub fn text(self, text: &str) -> Self {
        append(&self.0, &document().create_text_node(text));
        self
    }

    /// Adds text that follows the state.
    pub fn live_text<T: Into<String>>(self, text: impl Fn() -> T + 'static) -> Self {
        let node: Text = document().create_text_node("");
        append(&self.0, &node);
        live(move || node.set_data(&text().into()));
        self
    }

    /// Adds an element.
    pub fn child(self, child: El) -> Self {
        append(&self.0, &child.0);
        self
    }

    /// Adds elements.
    pub fn children(self, children: impl IntoIterator<Item = El>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    /// Adds elements that are made anew when the state that they were made from changes: none, one or several.
    pub fn part<R: IntoIterator<Item = El>>(self, make: impl Fn() -> R + 'static) -> Self {
        self.boxed_part(Box::new(move || make().into_iter().collect()))
    }

    fn boxed_part(self, make: Box<dyn Fn() -> Vec<El>>) -> Self {
        // Marks the place while there is nothing in it.
        let end: Comment = document().create_comment("");
        append(&self.0, &end);
        let mut shown = Vec::<El>::new();
        live(move || {
            let next = make();
            for element in std::mem::take(&mut shown) {
                element.0.remove();
            }
            if let Some(parent) = end.parent_node() {
                for element in &next {
                    insert(&parent, &element.0, Some(&end));
                }
            }
            shown = next;
        });
        self
    }

    /// Fills the element with one element per key. One whose key stays is kept as it is.
    pub fn list(self, keys: impl Fn() -> Vec<u128> + 'static, draw: impl Fn(u128) -> El + 'static) -> Self {
        self.boxed_list(Box::new(keys), Box::new(draw))
    }

    fn boxed_list(self, keys: Box<dyn Fn() -> Vec<u128>>, draw: Box<dyn Fn(u128) -> El>) -> Self {
        let parent = self.0.clone();
        // What belongs to a row outlives the runs of this effect, and ends with the row.
        let Some(owner) = Owner::current() else { return self };
        let mut rows = HashMap::<u128, (El, Owner)>::new();
        live(move || {
            let wanted = keys();
            let mut before = std::mem::take(&mut rows);
            for key in &wanted {
                let row = before.remove(key).unwrap_or_else(|| {
                    let owner = owner.child();
                    let element = owner.with(|| untrack(|| draw(*key)));
                    (element, owner)
                });
                rows.insert(*key, row);
            }
            for (element, owner) in before.into_values() {
                owner.cleanup();
                element.0.remove();
            }
            let mut place = parent.first_child();
            for (element, _) in wanted.iter().filter_map(|key| rows.get(key)) {
                let node: &Node = &element.0;
                if place.as_ref() == Some(node) {
                    place = node.next_sibling();
                } else {
                    insert(&parent, node, place.as_ref());
                }
            }
        });
        self
    }

    fn listen(self, event: &str, handler: Box<dyn FnMut(Event)>) -> Self {
        let closure = Closure::wrap(handler);
        // Only refused for what is no element.
        let _ = self.0.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
        keep(closure);
        self
    }
}

fn set_attribute(element: &Element, name: &str, value: Option<&str>) {
    // Only malformed names are refused, and ours are constants.
    let _ = match value {
        Some(value) => element.set_attribute(name, value),
        None => element.remove_attribute(name),
    };
}

fn append(parent: &Element, child: &Node) {
    insert(parent, child, None);
}

fn insert(parent: &Node, child: &Node, before: Option<&Node>) {
    // Only a cycle would be refused, and elements are put into their parents once.
    let _ = parent.insert_before(child, before);
}
