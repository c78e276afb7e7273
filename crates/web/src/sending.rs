//! Sends what waits in a room's timeline, one message after the other, each under the id it was given.
//!
//! The id makes a repeat harmless: whatever became of the first attempt, the message is there once.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::errors::ErrorCode;
use shared::ids::RoomId;
use shared::messages::{Message, MessageText};

use crate::client::{self, ClientError};
use crate::state::{Identity, State};

/// How long to wait when the server says "too fast" but not for how long.
const DEFAULT_PAUSE: Duration = Duration::from_secs(2);

/// Sends the next message that waits in this room, unless one is on its way already.
pub fn pump(state: State, room_id: RoomId) {
    if let Some(message) = state.with_timeline(room_id, |timeline| timeline.next_to_send()).flatten() {
        spawn_local(async move { send(state, &message).await });
    }
}

/// Sends everything again, in every room, that failed for want of a connection.
pub fn retry_all(state: State) {
    let rooms = state.timelines.with_untracked(|timelines| {
        let failed = timelines.iter().filter(|(_, timeline)| !timeline.outgoing().is_empty());
        failed.map(|(room_id, _)| *room_id).collect::<Vec<_>>()
    });
    for room_id in rooms {
        state.with_timeline(room_id, |timeline| timeline.retry_all());
        pump(state, room_id);
    }
}

async fn send(state: State, message: &Message) {
    let room_id = message.room_id;
    let author = message.author.kind;
    let text = match MessageText::parse(message.text.as_deref().unwrap_or_default(), author) {
        Ok(text) => text,
        Err(invalid) => {
            state.with_timeline(room_id, |timeline| timeline.fail(message.id, invalid.detail, false));
            return pump(state, room_id);
        }
    };
    match client::messages::create(room_id, message.id, text).await {
        Ok(message) => state.apply_message(message),
        Err(error) if error.code() == Some(ErrorCode::RateLimited) => {
            // It stays on its way, and the others behind it, until the server is ready for it.
            let id = message.id;
            set_timeout(
                move || {
                    state.with_timeline(room_id, |timeline| {
                        timeline.fail(id, String::new(), true);
                        timeline.retry(id);
                    });
                    pump(state, room_id);
                },
                pause(&error),
            );
            return;
        }
        Err(error) => {
            if error.is_signed_out() {
                state.identity.set(Identity::Anonymous);
            }
            let passing = error.is_passing();
            state.with_timeline(room_id, |timeline| timeline.fail(message.id, error.sentence(), passing));
        }
    }
    pump(state, room_id);
}

fn pause(error: &ClientError) -> Duration {
    match error {
        ClientError::Api(problem) => problem.retry_after.map_or(DEFAULT_PAUSE, Duration::from_secs),
        ClientError::Network | ClientError::Decode => DEFAULT_PAUSE,
    }
}
