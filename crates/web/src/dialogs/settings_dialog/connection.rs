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
        Some(Transport::WebSocket) => ("WebSocket", "Messages arrive immediately."),
        Some(Transport::ServerSentEvents) => (
            "Server-sent events",
            "This network lets no WebSocket through. Everything works, and Parlance tries a WebSocket again from time to time.",
        ),
        Some(Transport::LongPoll) => (
            "Long polling",
            "This network lets neither a WebSocket nor server-sent events through. Everything works, perhaps with a \
             short delay, and Parlance tries a WebSocket again from time to time.",
        ),
        None => ("Not connected", "Parlance is trying to reach the server."),
    }
}
