//! How this browser is connected.

use leptos::prelude::*;

use crate::state::State;
use crate::state::connection::Transport;

/// Says which transport is in use, and what that means.
#[component]
pub fn ConnectionSettings() -> impl IntoView {
    let state = expect_context::<State>();
    let words = move || words(state.connection.with(|connection| connection.transport()));
    view! {
        <div class="setting" role="status">
            <strong>{move || words().0}</strong>
            <p>{move || words().1}</p>
        </div>
    }
}

fn words(transport: Option<Transport>) -> (&'static str, &'static str) {
    match transport {
        Some(Transport::WebSocket) => ("By WebSocket", "Everything arrives at once."),
        Some(Transport::ServerSentEvents) => (
            "By server-sent events",
            "No WebSocket could be opened. Everything works. A WebSocket is tried again from time to time.",
        ),
        Some(Transport::LongPoll) => (
            "By long polling",
            "Neither a WebSocket nor server-sent events came through. Everything works, perhaps a little later. A \
             WebSocket is tried again from time to time.",
        ),
        None => ("Not connected", "Parlance is trying to reach the server."),
    }
}
