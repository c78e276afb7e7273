//! What was done in a room, and by whom.

use leptos::prelude::*;
use shared::audit::AuditEntry;
use shared::users::User;

use super::context::Dialog;
use crate::browser::{TimeStyle, time_text};
use crate::client;
use crate::components::row_list::ListRow;
use crate::dialogs::listing::{Listing, ListingView};

/// The log, newest first.
#[component]
pub fn Log(dialog: Dialog) -> impl IntoView {
    let listing = Listing::new(move |_, cursor| {
        Box::pin(async move {
            let page = client::audit::list(dialog.room_id, cursor.as_ref()).await?;
            Ok((page.items.into_iter().map(row).collect(), page.next_cursor))
        })
    });
    view! { <ListingView listing=listing label="Log" empty="There is no activity yet." /> }
}

/// What an action is called.
fn words(action: &str) -> &str {
    match action {
        "role" => "changed the role of",
        "add" => "added",
        "remove" => "removed",
        "ban" => "banned",
        "unban" => "unbanned",
        "mute" => "muted",
        "unmute" => "unmuted",
        "transfer" => "transferred ownership to",
        "succession" => "passed ownership to",
        "rename" => "changed the name",
        "topic" => "changed the topic",
        "visibility" => "changed the visibility",
        "slow_mode" => "changed slow mode",
        "posting" => "changed who may write",
        "invite_create" => "created an invite link",
        "invite_revoke" => "revoked an invite link",
        "invite_use" => "joined by an invite link",
        "delete_message" => "deleted a message of",
        other => other,
    }
}

fn row(entry: AuditEntry) -> ListRow {
    let AuditEntry { at, actor, action, target, detail, .. } = entry;
    let name = |user: &User| user.username.as_str().to_owned();
    let who = actor.as_ref().map_or("The server".to_owned(), name);
    // Who joins is actor and target.
    let target = target.filter(|target| Some(target.id) != actor.as_ref().map(|actor| actor.id));
    let whom = target.as_ref().map_or(String::new(), |user| format!(" {}", name(user)));
    let change = match (action.as_str(), detail.before, detail.after) {
        ("mute", ..) | (_, None, None) => String::new(),
        (_, Some(before), Some(after)) => format!(" · {before} → {after}"),
        (_, before, after) => format!(" · {}", before.or(after).unwrap_or_default()),
    };
    let reason = detail.reason.map_or(String::new(), |reason| format!(" · {reason}"));
    let count = match detail.count {
        None => String::new(),
        Some(1) => " · 1 message deleted".to_owned(),
        Some(count) => format!(" · {count} messages deleted"),
    };
    ListRow {
        picture: actor.map(|actor| actor.id),
        title: format!("{who} {}{whom}", words(&action)),
        note: format!("{}{change}{reason}{count}", time_text(at.unix_millis(), TimeStyle::Full)),
        ..ListRow::default()
    }
}
