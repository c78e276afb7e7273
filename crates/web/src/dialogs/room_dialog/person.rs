//! The card of a user in a room: role, mute, removal, ban.

use std::sync::Arc;

use leptos::prelude::*;
use shared::bans::{BanReason, PutBan};
use shared::ids::UserId;
use shared::members::{Member, Operation, Role};
use shared::timestamp::Timestamp;
use shared::users::{User, UserKind};

use super::context::{Dialog, or_gone};
use crate::browser::{self, TimeStyle, time_text};
use crate::client;
use crate::components::avatar::Avatar;
use crate::components::choice_field::{ChoiceField, choices};
use crate::components::confirm_dialog::Question;
use crate::components::form_field::FormField;
use crate::components::form_frame::FormFrame;
use crate::state::account_forms::{FieldSpec, field};
use crate::state::form_errors::{Errors, WHOLE};
use crate::state::members::role_name;
use crate::state::pictures::Picture;
use crate::submission::Submission;

const REASON: FieldSpec = field("Reason (optional)", "reason", "off", "Only moderators see it.");
/// How long a mute lasts, in seconds.
const MUTES: [(&str, &str); 4] =
    [("600", "10 minutes"), ("3600", "1 hour"), ("86400", "1 day"), ("604800", "7 days")];
/// Whose messages a ban deletes, in seconds.
const DELETIONS: [(&str, &str); 3] =
    [("", "Keep all"), ("3600", "Delete those of the last hour"), ("86400", "Delete those of the last day")];

/// The card of a person.
#[component]
pub fn PersonCard(dialog: Dialog, user: User) -> impl IntoView {
    let Dialog { state, overlays, unsaved, .. } = dialog;
    let id = user.id;
    let name = user.username.as_str().to_owned();
    let member = Memo::new(move |_| state.members.with(|members| members.get(id).cloned()));
    // Of members, what was heard last.
    let known = Picture::from(&user);
    let title = name.clone();
    let avatar = move || {
        let of_member = member.with(|member| member.as_ref().map(|member| Picture::from(&member.user)));
        view! { <Avatar picture=of_member.unwrap_or_else(|| known.clone()) name=name.clone() large=true /> }
    };
    let is_me = state.me() == Some(id);
    let words = move || match member.get() {
        Some(member) => member_words(&member),
        None => "Not a member of this room.".to_owned(),
    };
    let actions =
        move || (!is_me).then(|| view! { <Actions dialog=dialog user=user.clone() member=member.get() /> });
    view! {
        <button type="button" class="button small" on:click=move |_| unsaved.before(move || overlays.person.set(None))>
            "All members"
        </button>
        <div class="person-card">
            {move || avatar()}
            <div>
                <h3 dir="auto">{title} {is_me.then_some(" (you)")}</h3>
                <p>{words}</p>
            </div>
        </div>
        {actions}
    }
}

#[component]
fn Actions(dialog: Dialog, user: User, member: Option<Member>) -> impl IntoView {
    let Dialog { state, overlays, room_id, .. } = dialog;
    let id = user.id;
    let name = user.username.as_str().to_owned();
    let role = member.as_ref().map(|member| member.role);
    // Nobody acts on somebody of the same rank or a higher one. Admins of the server are no members, and act on all.
    let is_lower = role.is_none_or(|role| dialog.role().is_none_or(|mine| mine < role));
    let may = |operation| is_lower && dialog.may(operation);
    let submission = Submission::default();
    let set_role = (role.is_some() && may(Operation::SetRole)).then(|| {
        view! { <RoleForm dialog=dialog id=id name=name.clone() role=role.unwrap_or(Role::Guest) /> }
    });
    let mute = member.as_ref().filter(|_| may(Operation::Moderate)).map(|member| {
        let is_muted = member.muted_until.is_some();
        view! { <MuteForm dialog=dialog id=id is_muted=is_muted /> }
    });
    let ban = may(Operation::Moderate).then(|| view! { <BanForm dialog=dialog id=id name=name.clone() /> });
    let remove = (role.is_some() && may(Operation::Moderate)).then(|| {
        let remove = move |_| {
            submission.send(Box::pin(async move {
                or_gone(client::members::delete(room_id, id).await)?;
                overlays.person.try_set(None);
                Ok(())
            }));
        };
        view! {
            <button type="button" class="button" on:click=remove>
                "Remove from the room"
            </button>
        }
    });
    let can_own = role.is_some() && user.kind == UserKind::Member && role != Some(Role::Owner);
    let transfer = (can_own && dialog.may(Operation::Transfer)).then(|| {
        let ask = move |_| {
            let on_confirm = Arc::new(move || {
                submission.send(Box::pin(async move {
                    state.take_room(client::members::transfer(room_id, id).await?);
                    Ok(())
                }));
            });
            overlays.question.set(Some(Question {
                title: format!("Make {name} the owner of {}?", dialog.name()),
                text: "You become a moderator. Only an owner can undo this.",
                action: "Transfer ownership",
                on_confirm,
            }));
        };
        view! {
            <button type="button" class="button" on:click=ask>
                "Transfer ownership…"
            </button>
        }
    });
    view! {
        {set_role}
        {mute}
        <div class="setting-action">{remove} {transfer}</div>
        <p class="form-error" role="alert">
            {move || submission.errors.with(|errors| errors.get(WHOLE).unwrap_or_default().to_owned())}
        </p>
        {ban}
    }
}

#[component]
fn RoleForm(dialog: Dialog, id: UserId, name: String, role: Role) -> impl IntoView {
    let submission = Submission::default();
    let value = RwSignal::new(role.name().to_owned());
    let saved = RwSignal::new(role.name());
    dialog.unsaved.follow(move || value.with(|value| value != saved.get()));
    let mut roles = dialog.roles_to_give();
    if dialog.role() == Some(Role::Owner) {
        roles.push(Role::Owner);
    }
    let choices =
        roles.into_iter().map(|role| (role.name().to_owned(), role_name(role).to_owned())).collect();
    let on_submit = Callback::new(move |()| {
        let wanted = value.get_untracked();
        let role = Role::ALL.into_iter().find(|role| role.name() == wanted).unwrap_or(Role::Guest);
        let change = move || {
            submission.send(Box::pin(async move {
                client::members::put(dialog.room_id, id, role).await?;
                saved.try_set(role.name());
                Ok(())
            }));
        };
        if role != Role::Owner {
            return change();
        }
        dialog.overlays.question.set(Some(Question {
            title: format!("Make {name} an owner of {}?", dialog.name()),
            text: "Owners may do everything here. You cannot take it back.",
            action: "Make owner",
            on_confirm: Arc::new(change),
        }));
    });
    view! {
        <FormFrame action="Change role" submission=submission on_submit=on_submit>
            <ChoiceField id="person-role" label="Role" choices=choices value=value />
        </FormFrame>
    }
}

#[component]
fn MuteForm(dialog: Dialog, id: UserId, is_muted: bool) -> impl IntoView {
    let submission = Submission::default();
    let seconds = RwSignal::new(MUTES[0].0.to_owned());
    let on_submit = Callback::new(move |()| {
        let seconds: i64 = seconds.get_untracked().parse().unwrap_or(600);
        let until = Timestamp::from_unix_millis(browser::now() + seconds * 1_000);
        submission.send(Box::pin(async move {
            match until.filter(|_| !is_muted) {
                Some(until) => client::members::mute(dialog.room_id, id, until).await,
                None => client::members::unmute(dialog.room_id, id).await,
            }
        }));
    });
    let field = (!is_muted).then(|| {
        view! { <ChoiceField id="person-mute" label="Mute" choices=choices(&MUTES) value=seconds hint="They cannot write, but can read." /> }
    });
    let action = if is_muted { "Unmute" } else { "Mute" };
    view! {
        <FormFrame action=action done="" submission=submission on_submit=on_submit>
            {field}
        </FormFrame>
    }
}

#[component]
fn BanForm(dialog: Dialog, id: UserId, name: String) -> impl IntoView {
    let submission = Submission::default();
    let (reason, deletion) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    dialog
        .unsaved
        .follow(move || [reason, deletion].iter().any(|value| value.with(|value| !value.is_empty())));
    let on_submit = Callback::new(move |()| {
        let mut errors = Errors::default();
        let text = reason.get_untracked();
        let reason = (!text.trim().is_empty()).then(|| BanReason::parse(&text)).transpose();
        let Some(reason) = errors.check("reason", reason) else { return submission.refuse(errors) };
        let ban = PutBan { reason, delete_seconds: deletion.get_untracked().parse().ok() };
        let on_confirm = Arc::new(move || {
            let ban = ban.clone();
            submission.send(Box::pin(async move {
                client::bans::put(dialog.room_id, id, ban).await?;
                dialog.overlays.person.try_set(None);
                Ok(())
            }));
        });
        dialog.overlays.question.set(Some(Question {
            title: format!("Ban {name} from {}?", dialog.name()),
            text: "They leave the room and cannot come back until somebody unbans them.",
            action: "Ban",
            on_confirm,
        }));
    });
    view! {
        <div class="last danger-zone">
            <FormFrame action="Ban…" done="" class="button danger" submission=submission on_submit=on_submit>
                <FormField id="ban-reason".to_owned() field=&REASON value=reason submission=submission />
                <ChoiceField id="ban-deletion" label="Their messages" choices=choices(&DELETIONS) value=deletion />
            </FormFrame>
        </div>
    }
}

/// Since when somebody is a member, and until when they are muted.
fn member_words(member: &Member) -> String {
    let full = |time: shared::timestamp::Timestamp, style| time_text(time.unix_millis(), style);
    let since = full(member.joined_at, TimeStyle::DayOfYear);
    let muted = member.muted_until.map(|until| format!(" Muted until {}.", full(until, TimeStyle::Full)));
    format!("{} since {since}.{}", role_name(member.role), muted.unwrap_or_default())
}
