//! Sends what waits in the outbox: in each room one message after the other, each under the id it was given.
//!
//! The id makes a repeat harmless: whatever became of the first attempt, the message is stored once.

pub mod kept;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::errors::ErrorCode;
use shared::ids::{RoomId, UserId};
use shared::messages::{CreateMessage, MessageText};
use shared::rooms::Room;
use shared::timestamp::Timestamp;

use crate::browser::{self, locks};
use crate::client::{self, ClientError};
use crate::state::connection::Connection;
use crate::state::files::claims;
use crate::state::outbox::{Entry, Words};
use crate::state::sending_rules::is_slowed;
use crate::state::toasts::Tone;
use crate::state::{Identity, State};

/// Puts a message into the outbox and sends it as soon as that is possible.
pub fn push(state: State, room_id: RoomId, words: Words, now: Timestamp) {
    let id = browser::new_message_id();
    state.outbox.update(|outbox| outbox.push(id, room_id, state.me(), words, now));
    pump(state);
}

/// Sends the next message to each room whose queue is free.
pub fn pump(state: State) {
    let Some(me) = state.me() else { return };
    let now = browser::now();
    if !state.outbox.with_untracked(|outbox| outbox.is_due(me, now)) {
        return;
    }
    // Which queues are busy is not shown.
    let mut rooms = Vec::new();
    state.outbox.update_untracked(|outbox| rooms = outbox.start(me, now));
    for room_id in rooms {
        spawn_local(send_next(state, room_id, me));
    }
}

/// The connection is back: nothing waits any longer.
pub fn wake(state: State) {
    state.outbox.update_untracked(|outbox| outbox.wake(browser::now()));
    pump(state);
}

async fn send_next(state: State, room_id: RoomId, me: UserId) {
    // One tab at a time.
    let lock = locks::hold(&format!("parlance.outbox.{me}.{room_id}")).await;
    let next = || state.outbox.with_untracked(|outbox| outbox.next(room_id, me, browser::now()).cloned());
    while let Some(entry) = next()
        && kept::was_sent_elsewhere(&entry)
    {
        remove(state, &entry);
    }
    match next().filter(|_| state.me() == Some(me)) {
        Some(entry) => send(state, &entry).await,
        None => state.outbox.update_untracked(|outbox| outbox.finish(room_id)),
    }
    drop(lock);
    pump(state);
}

async fn send(state: State, entry: &Entry) {
    let Entry { id, room_id, .. } = *entry;
    let Words { text, attachments, reply_to, mentions } = &entry.words;
    let kind = state.identity.with_untracked(|identity| identity.user().map(|user| user.kind));
    let refuse = |detail: String| {
        browser::announce(Some(&format!("A message was not sent. {detail}")));
        state.outbox.update(|outbox| {
            outbox.refuse(id, detail);
            outbox.finish(room_id);
        });
    };
    let parse = if attachments.is_empty() { MessageText::parse } else { MessageText::parse_beside_files };
    let Some(Ok(text)) = kind.map(|kind| parse(text, kind)) else {
        // It was written under other rules.
        return refuse("The text is too long or too short.".to_owned());
    };
    let create = CreateMessage {
        text,
        id: Some(id),
        attachments: claims(attachments),
        reply_to: reply_to.map(|reply| reply.id),
        mentions: mentions.clone(),
    };
    match client::messages::create(room_id, &create).await {
        Ok(answer) => {
            state.apply_answer(answer);
            begin_slow_mode(state, room_id);
            state.outbox.update_untracked(|outbox| outbox.finish(room_id));
        }
        // The event was quicker than the answer.
        Err(_) if state.outbox.with_untracked(|outbox| outbox.get(id).is_none()) => {
            state.outbox.update_untracked(|outbox| outbox.finish(room_id));
        }
        Err(error) if error.is_signed_out() => {
            state.outbox.update_untracked(|outbox| outbox.finish(room_id));
            state.identity.set(Identity::Anonymous);
        }
        // An answer that cannot be read is one all the same: a newer client will read it.
        Err(error) if error.is_passing() || matches!(error, ClientError::Decode) => {
            if !error.is_passing() {
                state.connection.update(Connection::misunderstood);
            }
            let (now, random) = (browser::now(), browser::random());
            let wait = error.retry_after_millis();
            if error.is_slow_mode() {
                state.slow_modes.update(|modes| modes.wait(room_id, now + wait));
            }
            state.outbox.update_untracked(|outbox| outbox.postpone(room_id, now, random, wait));
        }
        Err(error) if error.code() == Some(ErrorCode::RoomNotFound) && !is_listed(state, room_id) => {
            // Nobody will see it there.
            remove(state, entry);
            state.outbox.update_untracked(|outbox| outbox.finish(room_id));
            let text = "A message was not sent, because its room is no longer available to you.";
            state.toast(Tone::Error, text, browser::now());
        }
        Err(error) => {
            refuse(error.sentence());
            if matches!(
                error.code(),
                Some(ErrorCode::Muted | ErrorCode::Banned | ErrorCode::NotAllowed | ErrorCode::MembersOnly)
            ) && let Ok(room) = client::rooms::get(room_id).await
            {
                // What the client knew of the user's rights is out of date.
                state.take_room(room);
            }
        }
    }
}

/// After a message of one's own, slow mode makes its author wait.
fn begin_slow_mode(state: State, room_id: RoomId) {
    let seconds = |room: &Room| if is_slowed(room) { i64::from(room.slow_mode_seconds) } else { 0 };
    let seconds = state.rooms.with_untracked(|rooms| rooms.get(room_id).map_or(0, seconds));
    if seconds > 0 {
        state.slow_modes.update(|modes| modes.wait(room_id, browser::now() + seconds * 1_000));
    }
}

fn is_listed(state: State, room_id: RoomId) -> bool {
    state.rooms.with_untracked(|rooms| rooms.get(room_id).is_some())
}

fn remove(state: State, entry: &Entry) {
    state.outbox.update(|outbox| {
        outbox.remove(entry.id);
    });
}
