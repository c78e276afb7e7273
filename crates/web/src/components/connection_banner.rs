//! Says that the connection is lost, and when the next attempt comes.

use leptos::prelude::*;

use crate::shapes::{act, maybe, memo, text};
use crate::state::connection::{Banner, Stopped};

/// The banner; nothing while all is well.
#[component]
pub fn ConnectionBanner(
    /// What to say.
    #[prop(into)]
    banner: Signal<Option<Banner>>,
    /// The reader does not want to wait.
    on_try_now: Callback<()>,
    /// The reader wants the page anew.
    on_reload: Callback<()>,
) -> impl IntoView {
    let kind = memo(move || banner.get().map(|banner| (sentence(banner), button(banner))));
    // The countdown is not part of the announced sentence, or it would be read out each second.
    let countdown = move || match banner.get() {
        Some(Banner::Waiting { seconds, .. }) => format!("Next attempt in {seconds} s."),
        _ => String::new(),
    };
    view! {
        <div class="banner-place" role="status">
            {maybe(move || {
                kind.get().map(|(sentence, button)| {
                    let press = move || match button {
                        Some("Reload") => on_reload.run(()),
                        _ => on_try_now.run(()),
                    };
                    view! {
                        <div class="banner">
                            <span class="spinner" aria-hidden="true"></span>
                            <span>{sentence}</span>
                            <span class="banner-countdown" aria-hidden="true">{text(countdown)}</span>
                            {button.map(|label| {
                                view! { <button type="button" class="button small" on:click=act(press)>{label}</button> }
                            })}
                        </div>
                    }
                })
            })}
        </div>
    }
    .into_any()
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
        Banner::Stopped(Stopped::NotUnderstood) => "This page and the server no longer fit together.",
        Banner::Stopped(Stopped::Forbidden) => "The server has closed this account's connection.",
    }
}

fn button(banner: Banner) -> Option<&'static str> {
    match banner {
        Banner::Trying { .. } => None,
        Banner::Offline | Banner::Waiting { .. } => Some("Try now"),
        Banner::Stopped(_) => Some("Reload"),
    }
}
