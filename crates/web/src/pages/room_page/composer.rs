//! The composer of the room's page.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::members::Operation;

use crate::boxed::{effect, memo};
use crate::browser::{self, TimeStyle, keys, time_text};
use crate::components::composer::{Closed, Composer, Draft};
use crate::components::confirm_dialog::Question;
use crate::pages::room_page::context::RoomContext;
use crate::parts::{Part, Tools};
use crate::session::become_guest;
use crate::state::Identity;
use crate::state::account_forms::FormKind;
use crate::state::sending_rules::{Obstacle, obstacle, time_left};
use crate::state::toasts::Tone;
use crate::state::typing::Typing;

/// The composer, connected to the state and to the server. It stores the draft in the browser.
#[component]
pub fn RoomComposer() -> impl IntoView {
    let room = expect_context::<RoomContext>();
    let RoomContext { state, live, overlays, room_id, editing, .. } = room;
    let key = match room.thread {
        Some(root) => keys::draft_of_thread(room_id, root),
        None => keys::draft(room_id),
    };
    let draft = RwSignal::new(browser::load(&key).unwrap_or_default());
    let tools = Tools::new(room_id, room.field(), draft);
    let name_error = RwSignal::new(None);
    let busy = RwSignal::new(false);
    effect(move || browser::save_soon(key.clone(), draft.get()));
    let on_send = move |sent: Draft| {
        let Some(name) = sent.name else {
            let question = tools.question(state, sent.text.as_str());
            let send = move || {
                draft.set(String::new());
                let files = room.draft_files.stored.try_update(std::mem::take).unwrap_or_default();
                let mentions = tools.mentions(sent.text.as_str());
                room.send(&sent.text, files, mentions);
            };
            return match question {
                Some(question) => {
                    overlays.question.set(Some(Question { on_confirm: Arc::new(send), ..question }))
                }
                None => send(),
            };
        };
        busy.set(true);
        spawn_local(async move {
            match become_guest(state, live, name, None).await {
                Ok(()) => {
                    draft.try_update(|draft| *draft = rest(draft, sent.text.as_str()));
                    room.send(&sent.text, Vec::new(), Vec::new());
                }
                Err(error) if error.is_passing() => {
                    state.toast(Tone::Error, error.sentence(), browser::now());
                }
                Err(error) => drop(name_error.try_set(Some(error.sentence()))),
            }
            busy.try_set(false);
            let field = room.field();
            request_animation_frame(move || browser::focus(field));
        });
    };
    let on_edit_last = move |()| {
        let last = state.me().and_then(|me| {
            state.timelines.with_value(|timelines| Some(timelines.get(room_id)?.last_by(me)?.id))
        });
        if last.is_some() {
            editing.set(last);
        }
    };
    let now = room.clock();
    let kind = memo(move || state.identity.with(|identity| identity.user().map(|user| user.kind)));
    let obstacle = memo(move || {
        let obstacle = state.room(room_id, |room| obstacle(room, kind.get(), now.get())).flatten();
        let is_nobody = state.identity.with(|identity| *identity == Identity::Anonymous);
        let needs_sign_in = is_nobody && !state.may_be_guest.get();
        obstacle.or(needs_sign_in.then_some(Obstacle::SignInNeeded))
    });
    let closed = memo(move || {
        let may_sign_up = state.may_sign_up.get();
        obstacle.get().map(|obstacle| closed(obstacle, may_sign_up, now.get()))
    });
    // Nothing tells that a mute is over, so the server is asked what the user may do now.
    let is_muted = memo(move || matches!(obstacle.get(), Some(Obstacle::Muted(_))));
    Effect::new(move |was_muted: Option<bool>| {
        let is_muted = is_muted.get();
        if was_muted == Some(true) && !is_muted {
            room.refresh();
        }
        is_muted
    });
    let is_replying = memo(move || room.replying.with(Option::is_some));
    let on_cancel = Callback::new(move |()| room.replying.set(None));
    let name = room.room_name();
    let label = Signal::derive(move || match room.thread {
        Some(_) => "Reply in the thread".to_owned(),
        None => format!("Message {}", name.get()),
    });
    view! {
        <Composer
            id=if room.thread.is_some() { "thread-composer" } else { "composer" }
            label=label
            identity=state.identity
            draft=draft
            files=room.draft_files
            may_attach=memo(move || room.may(Operation::Upload))
            name_error=name_error
            busy=busy
            typing=memo(move || state.typing.with(Typing::sentence))
            closed=closed
            wait=memo(move || state.slow_modes.with(|modes| modes.seconds(room_id, now.get())))
            file_list=room.parts.draw(Part::ComposerFiles(room.place(), room.draft_files))
            bar=room.parts.draw(Part::ComposerTools(tools))
            tools=tools
            top=view! { {move || is_replying.get().then(|| room.parts.draw(Part::ReplyBar))} }.into_any()
            on_cancel=on_cancel
            on_send=Callback::new(on_send)
            on_typing=Callback::new(move |()| live.typing(room_id))
            on_sign_in=Callback::new(move |()| overlays.open_account(FormKind::SignIn))
            on_sign_up=Callback::new(move |()| overlays.open_account(FormKind::SignUp))
            on_edit_last=Callback::new(on_edit_last)
        />
    }
}

/// What remains of a draft when a text was sent: what was typed since. A draft that was changed otherwise stays.
fn rest(draft: &str, sent: &str) -> String {
    draft.trim_start().strip_prefix(sent).unwrap_or(draft).trim_start().to_owned()
}

/// A mute that lasts longer is told by its day.
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The words for what keeps the user from writing.
fn closed(obstacle: Obstacle, may_sign_up: bool, now: i64) -> Closed {
    let words = match obstacle {
        Obstacle::Banned => "You are banned from this room. You can still read it.".to_owned(),
        Obstacle::Muted(until) => {
            let left = (until - now + 999) / 1_000;
            match left {
                ..=DAY_SECONDS => {
                    format!(
                        "You are muted until {}: {} left.",
                        time_text(until, TimeStyle::Clock),
                        time_left(left)
                    )
                }
                _ => format!("You are muted until {}.", time_text(until, TimeStyle::DayOfYear)),
            }
        }
        Obstacle::AccountNeeded => "Only people with an account can write here.".to_owned(),
        Obstacle::SignInNeeded => "Sign in to write here.".to_owned(),
        Obstacle::NotAllowed => "You cannot write here at the moment.".to_owned(),
    };
    let needs_account = matches!(obstacle, Obstacle::AccountNeeded | Obstacle::SignInNeeded);
    let action = if may_sign_up { "Create account" } else { "Sign in" };
    Closed { words, action: needs_account.then_some(action) }
}
