//! Nothing is at this address.

use leptos::prelude::*;

use crate::components::room_header::menu_button;
use crate::dom::{El, el};

/// Says so, and leads back.
pub fn not_found_page(menu_open: RwSignal<bool>) -> El {
    let words = el("div")
        .class("empty")
        .child(el("h1").text("There is nothing here"))
        .child(el("p").text("The room may have been deleted, or the link is incomplete."))
        .child(el("a").class("button primary").attr("href", "/rooms").text("Back to the rooms"));
    page(menu_open).child(words)
}

/// An empty page with what every page but a room's has at its top.
pub fn page(menu_open: RwSignal<bool>) -> El {
    el("main")
        .attr("id", "main")
        .class("page")
        .attr("tabindex", "-1")
        .child(el("header").class("page-head").child(menu_button(menu_open)))
}
