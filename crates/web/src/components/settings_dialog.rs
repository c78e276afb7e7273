//! How the client looks, and who one is in it.

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::Event;

use crate::browser::{self, keys};
use crate::components::modal::Modal;
use crate::dom::{El, button, el};
use crate::state::Identity;

const THEMES: [(&str, &str); 3] = [("", "Like the system"), ("light", "Light"), ("dark", "Dark")];

/// Theme and session.
#[derive(Clone, Copy)]
pub struct SettingsDialog {
    /// Whether it is open.
    pub open: RwSignal<bool>,
    /// Who one is.
    pub identity: RwSignal<Identity>,
    /// Ends the session.
    pub on_sign_out: Callback<()>,
}

impl SettingsDialog {
    /// Draws it.
    pub fn view(self) -> El {
        let open = self.open;
        Modal { open, label: Signal::stored("Settings".to_owned()), class: "narrow" }.view(move || {
            let done = button("button primary").text("Done").on_click(move || open.set(false));
            let appearance = el("fieldset").class("setting").child(el("legend").text("Appearance"));
            let mut content = vec![el("h2").text("Settings"), appearance.children(THEMES.map(theme))];
            content.extend(self.session());
            content.push(el("div").class("dialog-actions").child(done));
            content
        })
    }

    fn session(self) -> Option<El> {
        let Self { open, identity, on_sign_out } = self;
        let identity = identity.get_untracked();
        let name = identity.user()?.username.as_str();
        let words = ", a guest on this browser. Signing out gives the name up: what you wrote stays, and nobody can \
            change it any more.";
        let sign_out = button("button").text("Sign out").on_click(move || {
            open.set(false);
            on_sign_out.run(());
        });
        let section = el("div")
            .class("setting")
            .child(el("h3").text("Your name"))
            .child(el("p").child(el("bdi").text(name)).text(words))
            .child(sign_out);
        Some(section)
    }
}

fn theme((name, label): (&'static str, &'static str)) -> El {
    let chosen = browser::load(keys::THEME).unwrap_or_default() == name;
    let choose = move |_: Event| {
        browser::save(keys::THEME, name);
        if let Some(root) = browser::document().document_element() {
            // Only a malformed name could be refused.
            let _ = root.set_attribute("data-theme", name);
        }
    };
    let radio = el("input")
        .attr("type", "radio")
        .attr("name", "theme")
        .live_property("checked", move || JsValue::from_bool(chosen))
        .on("change", choose);
    el("label").class("choice").child(radio).text(label)
}
