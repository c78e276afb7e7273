//! Tells the user that the connection is lost, and when the next attempt is.

use leptos::prelude::*;

use crate::boxed::memo;
use crate::state::connection::Banner;

/// The place of the banner. It is empty while the connection works.
#[component]
pub fn ConnectionBanner(
    /// What to show.
    banner: Signal<Option<Banner>>,
    /// Called to try again at once.
    on_try_now: Callback<()>,
    /// Called to reload the page.
    on_reload: Callback<()>,
) -> impl IntoView {
    let words = memo(move || banner.get().map(|banner| (sentence(banner), button_label(banner))));
    // The countdown is not part of the announced sentence, because a screen reader would read it each second.
    let countdown = move || match banner.get() {
        Some(Banner::Waiting { seconds, .. }) => format!("Next attempt in {seconds} s."),
        _ => String::new(),
    };
    let content = move || {
        let (sentence, label) = words.get()?;
        let press = move |_| match label {
            Some("Reload") => on_reload.run(()),
            _ => on_try_now.run(()),
        };
        let button = label.map(|label| {
            view! {
                <button type="button" class="button small" on:click=press>
                    {label}
                </button>
            }
        });
        Some(view! {
            <div class="banner">
                // Where only a reload helps, nothing is going on.
                {(label != Some("Reload")).then(|| view! { <span class="spinner" aria-hidden="true"></span> })}
                <span>{sentence}</span>
                <span class="banner-countdown" aria-hidden="true">
                    {move || countdown()}
                </span>
                {button}
            </div>
        })
    };
    view! {
        <div class="banner-place" role="status">
            {move || content()}
        </div>
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
        Banner::Stopped => "This page is older than the server. Reload it.",
    }
}

fn button_label(banner: Banner) -> Option<&'static str> {
    match banner {
        Banner::Trying { .. } => None,
        Banner::Offline | Banner::Waiting { .. } => Some("Try now"),
        Banner::Stopped | Banner::Outdated => Some("Reload"),
    }
}
