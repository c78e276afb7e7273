//! Says that the connection is lost, and when the next attempt comes.

use leptos::prelude::*;

use crate::dom::{El, button, el};
use crate::reactive::memo;
use crate::state::connection::{Banner, Stopped};

/// The place of the banner, which is empty while all is well.
pub struct ConnectionBanner {
    /// What to say.
    pub banner: Signal<Option<Banner>>,
    /// The reader does not want to wait.
    pub on_try_now: Callback<()>,
    /// The reader wants the page anew.
    pub on_reload: Callback<()>,
}

impl ConnectionBanner {
    /// Draws it.
    pub fn view(self) -> El {
        let Self { banner, on_try_now, on_reload } = self;
        let kind = memo(move || banner.get().map(|banner| (sentence(banner), button_label(banner))));
        // The countdown is not part of the announced sentence, or it would be read out each second.
        let countdown = move || match banner.get() {
            Some(Banner::Waiting { seconds, .. }) => format!("Next attempt in {seconds} s."),
            _ => String::new(),
        };
        el("div").class("banner-place").attr("role", "status").part(move || {
            let (sentence, label) = kind.get()?;
            let press = move || match label {
                Some("Reload") => on_reload.run(()),
                _ => on_try_now.run(()),
            };
            let banner = el("div")
                .class("banner")
                // Where only a reload helps, nothing is going on.
                .children(
                    (label != Some("Reload"))
                        .then(|| el("span").class("spinner").attr("aria-hidden", "true")),
                )
                .child(el("span").text(sentence))
                .child(el("span").class("banner-countdown").attr("aria-hidden", "true").live_text(countdown))
                .children(label.map(|label| button("button small").text(label).on_click(press)));
            Some(banner)
        })
    }
}

fn sentence(banner: Banner) -> &'static str {
    match banner {
        Banner::Offline => "You are offline. What you write is sent when you are back.",
        Banner::Trying { server_fault: false } | Banner::Waiting { server_fault: false, .. } => {
            "Connection lost. Trying to reach the server again."
        }
        Banner::Trying { server_fault: true } | Banner::Waiting { server_fault: true, .. } => {
            "Something is wrong on the server. Trying again."
        }
        Banner::Outdated => "A new version of Parlance is available.",
        Banner::Stopped(Stopped::NotUnderstood) => "This page and the server no longer fit together.",
        Banner::Stopped(Stopped::Forbidden) => "The server has closed this account's connection.",
    }
}

fn button_label(banner: Banner) -> Option<&'static str> {
    match banner {
        Banner::Trying { .. } => None,
        Banner::Offline | Banner::Waiting { .. } => Some("Try now"),
        Banner::Stopped(_) | Banner::Outdated => Some("Reload"),
    }
}
