//! The links that let people join a room.

use leptos::prelude::*;
use shared::invites::{CreateInvite, Invite};
use shared::members::Role;

use super::context::{Dialog, or_gone};
use crate::browser::{TimeStyle, time_text};
use crate::client;
use crate::components::choice_field::{ChoiceField, choices};
use crate::components::form_frame::FormFrame;
use crate::components::row_list::ListRow;
use crate::components::secret_field::SecretField;
use crate::dialogs::listing::{Listing, ListingView};
use crate::state::members::role_name;
use crate::submission::Submission;

/// The lifetimes, in seconds.
const LIFETIMES: [(&str, &str); 5] =
    [("604800", "7 days"), ("3600", "1 hour"), ("86400", "1 day"), ("2592000", "30 days"), ("", "Never")];
/// How many people can join.
const USES: [(&str, &str); 4] =
    [("", "Any number of people"), ("1", "1 person"), ("5", "5 people"), ("25", "25 people")];

/// The invites, and the form that makes one.
#[component]
pub fn InviteList(dialog: Dialog) -> impl IntoView {
    let room_id = dialog.room_id;
    let submission = Submission::default();
    let secret = RwSignal::new(None);
    let role = RwSignal::new(Role::Guest.name().to_owned());
    let lifetime = RwSignal::new(LIFETIMES[0].0.to_owned());
    let uses = RwSignal::new(String::new());
    let listing = Listing::new(move |listing, _| {
        Box::pin(async move {
            let invites = client::invites::list(room_id).await?;
            Ok((invites.into_iter().map(|invite| row(invite, dialog, listing)).collect(), None))
        })
    });
    // A new member may have used an invite.
    Effect::new(move |before: Option<()>| {
        dialog.state.members.track();
        if before.is_some() {
            listing.reload();
        }
    });
    let on_submit = Callback::new(move |()| {
        let wanted = role.get_untracked();
        let create = CreateInvite {
            role: Role::ALL.into_iter().find(|role| role.name() == wanted),
            expires_in_seconds: lifetime.get_untracked().parse().ok(),
            max_uses: uses.get_untracked().parse().ok(),
        };
        submission.send(Box::pin(async move {
            let new = client::invites::create(room_id, create).await?;
            secret.try_set(Some(new.url));
            listing.reload();
            Ok(())
        }));
    });
    let roles = dialog.roles_to_give();
    let roles = roles.into_iter().map(|role| (role.name().to_owned(), role_name(role).to_owned())).collect();
    view! {
        <p>
            "Whoever opens the link can join, even without an account, and read everything in this room, including earlier messages."
        </p>
        <SecretField label="Invite link" words="Copy it now. It is not shown again." secret=secret />
        <FormFrame action="Create invite link" done="" submission=submission on_submit=on_submit>
            <ChoiceField id="invite-role" label="They join as" choices=roles value=role />
            <ChoiceField id="invite-lifetime" label="Expires after" choices=choices(&LIFETIMES) value=lifetime />
            <ChoiceField id="invite-uses" label="Can be used by" choices=choices(&USES) value=uses />
        </FormFrame>
        <ListingView listing=listing label="Invites" empty="There are no invite links." />
    }
}

fn row(invite: Invite, dialog: Dialog, listing: Listing) -> ListRow {
    let Invite { id, role, created_by, expires_at, max_uses, uses, .. } = invite;
    let limit = max_uses.map_or(String::new(), |max| format!(" of {max}"));
    let until = expires_at.map_or("never expires".to_owned(), |at| {
        format!("expires {}", time_text(at.unix_millis(), TimeStyle::Full))
    });
    let title = format!("Joins as {}", role.name());
    let note = format!("created by {} · used {uses}{limit} · {until}", created_by.username.as_str());
    ListRow { title, note, ..ListRow::default() }.with("Revoke", move || {
        listing.act(Box::pin(async move { or_gone(client::invites::delete(dialog.room_id, id).await) }));
    })
}
