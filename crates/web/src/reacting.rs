//! Reacts to messages: what the user wants is shown at once, and the server is asked one thing at a time.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::{MessageId, RoomId};

use crate::browser;
use crate::client;
use crate::state::State;
use crate::state::toasts::Tone;

/// Reacts to a message, or takes the reaction back.
pub fn react(state: State, room_id: RoomId, id: MessageId, emoji: String, is_wanted: bool) {
    let step = state.toggles.try_update_value(|toggles| toggles.want(id, &emoji, is_wanted)).flatten();
    notify(state, room_id);
    let Some(mut next) = step else { return };
    spawn_local(async move {
        loop {
            match client::reactions::put(room_id, id, &emoji, next).await {
                Ok(answer) => {
                    state.apply_answer(answer);
                    let step =
                        state.toggles.try_update_value(|toggles| toggles.answered(id, &emoji)).flatten();
                    notify(state, room_id);
                    match step {
                        Some(step) => next = step,
                        None => return,
                    }
                }
                Err(error) => {
                    state.toggles.update_value(|toggles| toggles.give_up(id, &emoji));
                    notify(state, room_id);
                    return state.toast(Tone::Error, error.sentence(), browser::now());
                }
            }
        }
    });
}

fn notify(state: State, room_id: RoomId) {
    state.triggers.of(room_id).messages.notify();
}
