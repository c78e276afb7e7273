//! The list of the user's sessions.

use leptos::prelude::*;
use shared::ids::SessionId;
use shared::sessions::Session;

use crate::browser::{self, TimeStyle, time_text};
use crate::state::form_errors::WHOLE;
use crate::state::sessions::{device, last_used};
use crate::submission::Submission;

/// The sessions, each with a button that ends it.
#[component]
pub fn SessionList(
    /// The sessions; `None` until they are loaded.
    sessions: RwSignal<Option<Vec<Session>>>,
    /// The state of the requests.
    submission: Submission,
    /// Called to end a session, or all others.
    on_end: Callback<Option<SessionId>>,
) -> impl IntoView {
    let draw = move || {
        let Some(sessions) = sessions.get() else {
            let is_waiting = submission.errors.with(|errors| errors.is_empty());
            return view! { <p>{is_waiting.then_some("Loading…")}</p> }.into_any();
        };
        let is_only = sessions.len() < 2;
        let mut rows = Vec::new();
        for session in sessions {
            // The current session comes first.
            let place = if session.is_current { 0 } else { rows.len() };
            rows.insert(place, row(session, on_end));
        }
        let end = match is_only {
            true => view! { <p>"You are not signed in anywhere else."</p> }.into_any(),
            false => view! {
                <button type="button" class="button" on:click=move |_| on_end.run(None)>
                    "Sign out everywhere else"
                </button>
            }
            .into_any(),
        };
        view! {
            <ul class="sessions" aria-label="Where you are signed in">
                {rows}
            </ul>
            {end}
        }
        .into_any()
    };
    view! {
        <div id="sessions" class="setting" tabindex="-1" aria-busy=move || submission.busy.get().to_string()>
            {move || draw()}
            <p class="form-error" role="alert">
                {move || submission.errors.with(|errors| errors.get(WHOLE).unwrap_or_default().to_owned())}
            </p>
        </div>
    }
}

fn row(session: Session, on_end: Callback<Option<SessionId>>) -> AnyView {
    let Session { id, last_seen_at, user_agent, address, is_current, .. } = session;
    let device = device(user_agent.as_deref());
    let then = last_seen_at.unix_millis();
    let place = address.map(|address| format!("{address} · "));
    let end = if is_current {
        view! { <span class="session-here">"This device"</span> }.into_any()
    } else {
        view! {
            <button
                type="button"
                class="button small"
                aria-label=format!("Sign out {device}")
                on:click=move |_| on_end.run(Some(id))
            >
                "Sign out"
            </button>
        }
        .into_any()
    };
    view! {
        <li class="session-row">
            <span class="session-device">
                <strong>{device}</strong>
                <span class="session-note">
                    {place}
                    <time datetime=last_seen_at.to_string() title=time_text(then, TimeStyle::Full)>
                        {last_used(then, browser::now())}
                    </time>
                </span>
            </span>
            {end}
        </li>
    }
    .into_any()
}
