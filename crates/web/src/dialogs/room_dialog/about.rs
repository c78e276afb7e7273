//! What a room is: its picture, its name, its topic, and who may see it and write.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::members::Operation;
use shared::rooms::{Posting, Room, RoomName, Topic, UpdateRoom, Visibility};
use web_sys::Blob;

use super::context::Dialog;
use crate::boxed::{effect, memo};
use crate::browser;
use crate::client;
use crate::components::avatar::Avatar;
use crate::components::choice_field::{ChoiceField, choices};
use crate::components::confirm_dialog::Question;
use crate::components::form_field::FormField;
use crate::components::form_frame::FormFrame;
use crate::dialogs::avatar_editor::AvatarEditor;
use crate::dialogs::create_room_dialog::{NAME, TOPIC};
use crate::state::form_errors::Errors;
use crate::state::sending_rules::time_left;
use crate::state::toasts::Tone;
use crate::submission::{Request, Submission};

/// The intervals of slow mode, in seconds.
const INTERVALS: [(&str, &str); 8] = [
    ("0", "Off"),
    ("5", "5 seconds"),
    ("10", "10 seconds"),
    ("30", "30 seconds"),
    ("60", "1 minute"),
    ("300", "5 minutes"),
    ("900", "15 minutes"),
    ("3600", "1 hour"),
];
const POSTING: [(&str, &str); 2] = [("all", "Everyone"), ("accounts", "Only people with an account")];

/// The form with the settings, or what they are.
#[component]
pub fn About(dialog: Dialog) -> impl IntoView {
    let Dialog { state, room_id, .. } = dialog;
    let room = state.rooms.with_untracked(|rooms| rooms.get(room_id).cloned());
    room.map(|room| match untrack(|| dialog.may(Operation::UpdateRoom)) {
        true => view! { <AboutForm dialog=dialog room=room /> }.into_any(),
        false => {
            let who = visibility_words(&room);
            let name = room.name.as_str().to_owned();
            view! {
                <div class="avatar-choice">
                    <Avatar picture=&room name=name large=true />
                </div>
                <p dir="auto">{room.topic.map(|topic| topic.as_str().to_owned())}</p>
                <p>{who} " " {format!("Members: {}.", room.member_count)}</p>
            }
            .into_any()
        }
    })
}

fn visibility_words(room: &Room) -> &'static str {
    match room.visibility {
        Visibility::Private => "Private: only members see this room.",
        _ => "Public: everyone can find and read this room.",
    }
}

#[component]
fn AboutForm(dialog: Dialog, room: Room) -> impl IntoView {
    let Dialog { state, room_id, unsaved, .. } = dialog;
    let submission = Submission::default();
    let name = RwSignal::new(room.name.as_str().to_owned());
    let topic = RwSignal::new(room.topic.as_ref().map_or("", Topic::as_str).to_owned());
    let interval = RwSignal::new(room.slow_mode_seconds.to_string());
    let posting = RwSignal::new(room.posting.name().to_owned());
    // What the user sees as saved. Others may change the room meanwhile.
    let saved = RwSignal::new(room.clone());
    let is_edited = move || {
        saved.with(|saved| {
            name.with(|name| name.trim() != saved.name.as_str())
                || topic.with(|topic| topic.trim() != saved.topic.as_ref().map_or("", Topic::as_str))
                || interval.with(|interval| *interval != saved.slow_mode_seconds.to_string())
                || posting.with(|posting| posting != saved.posting.name())
        })
    };
    unsaved.follow(is_edited);
    effect(move || {
        // Whatever was saved before, this is not.
        if is_edited() && submission.done.get_untracked() {
            submission.done.set(false);
        }
    });
    let mut intervals = choices(&INTERVALS);
    if INTERVALS.iter().all(|(value, _)| *value != interval.get_untracked()) {
        intervals.push((interval.get_untracked(), time_left(room.slow_mode_seconds.into())));
    }
    let on_submit = Callback::new(move |()| {
        let before = saved.get_untracked();
        let mut errors = Errors::default();
        let name = errors.check("name", RoomName::parse(&name.get_untracked()));
        let topic = errors.check("topic", Topic::parse(&topic.get_untracked()));
        let (Some(name), Some(topic)) = (name, topic) else { return submission.refuse(errors) };
        let wanted = posting.get_untracked();
        let posting = Posting::ALL.into_iter().find(|posting| posting.name() == wanted);
        let interval = interval.get_untracked().parse().ok();
        // Only what the user changed, so that what others changed meanwhile stays.
        let update = UpdateRoom {
            name: Some(name).filter(|name| *name != before.name),
            topic: Some(topic).filter(|topic| *topic != before.topic),
            slow_mode_seconds: interval.filter(|interval| *interval != before.slow_mode_seconds),
            posting: posting.filter(|posting| *posting != before.posting),
            ..UpdateRoom::default()
        };
        submission.send(Box::pin(async move {
            let room = client::rooms::update(room_id, update).await?;
            saved.try_set(room.clone());
            state.take_room(room);
            Ok(())
        }));
    });
    view! {
        <RoomPicture dialog=dialog />
        <FormFrame action="Save" submission=submission on_submit=on_submit>
            <FormField id="room-about-name".to_owned() field=&NAME value=name submission=submission />
            <FormField id="room-about-topic".to_owned() field=&TOPIC value=topic submission=submission />
            <ChoiceField
                id="room-about-interval"
                label="Slow mode"
                choices=intervals
                value=interval
                hint="How long members and guests wait between two messages."
            />
            <ChoiceField id="room-about-posting" label="Who may write" choices=choices(&POSTING) value=posting />
        </FormFrame>
        <VisibilitySetting dialog=dialog />
    }
}

#[component]
fn RoomPicture(dialog: Dialog) -> impl IntoView {
    let Dialog { state, room_id, unsaved, .. } = dialog;
    let on_save = Callback::new(move |image: Option<Blob>| -> Request {
        Box::pin(async move {
            state.take_room(match image {
                Some(image) => client::rooms::put_avatar(room_id, &image).await?,
                None => client::rooms::delete_avatar(room_id).await?,
            });
            Ok(())
        })
    });
    let draw = move |()| {
        let avatar = |room: &Room| view! { <Avatar picture=room name=room.name.as_str() large=true /> };
        state.room(room_id, avatar).into_any()
    };
    let has_picture = move |()| state.room(room_id, |room| room.avatar_url.is_some()).unwrap_or(false);
    view! {
        <AvatarEditor
            label="The room's picture"
            draw=draw
            has_picture=has_picture
            unsaved=unsaved
            on_save=on_save
        />
    }
}

#[component]
fn VisibilitySetting(dialog: Dialog) -> impl IntoView {
    let Dialog { state, room_id, .. } = dialog;
    let setting = memo(move || {
        let setting =
            |room: &Room| (room.visibility == Visibility::Private, !room.is_own, visibility_words(room));
        state.room(room_id, setting)
    });
    let may = memo(move || dialog.may(Operation::SetVisibility));
    let draw = move || {
        setting.get().map(|(is_private, is_changeable, words)| {
            let change = move |_| ask_to_change_visibility(dialog, is_private);
            let button = (is_changeable && may.get()).then(|| {
                view! {
                    <button type="button" class="button" on:click=change>
                        {if is_private { "Make public…" } else { "Make private…" }}
                    </button>
                }
            });
            view! {
                <div class="setting last">
                    <p>{words}</p>
                    {button}
                </div>
            }
        })
    };
    view! { {move || draw()} }
}

fn ask_to_change_visibility(dialog: Dialog, is_private: bool) {
    let Dialog { state, overlays, room_id, .. } = dialog;
    let name = dialog.name();
    let (title, text, action) = match is_private {
        true => (
            format!("Make {name} public?"),
            "Everyone will be able to read all messages, including earlier ones.",
            "Make public",
        ),
        false => (
            format!("Make {name} private?"),
            "People who are not members will no longer see it.",
            "Make private",
        ),
    };
    let on_confirm = Arc::new(move || {
        let update = UpdateRoom {
            visibility: Some(if is_private { Visibility::Public } else { Visibility::Private }),
            publish_history: is_private.then_some(true),
            ..UpdateRoom::default()
        };
        spawn_local(async move {
            match client::rooms::update(room_id, update).await {
                Ok(room) => state.take_room(room),
                Err(error) => state.toast(Tone::Error, error.sentence(), browser::now()),
            }
        });
    });
    overlays.question.set(Some(Question { title, text, action, on_confirm }));
}
