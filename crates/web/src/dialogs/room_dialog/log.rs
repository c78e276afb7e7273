//! What was done in a room, and by whom.

use leptos::prelude::*;
use shared::audit::AuditEntry;
use shared::users::User;

use super::context::Dialog;
use crate::browser::{TimeStyle, time_text};
use crate::client;
use crate::components::row_list::ListRow;
use crate::dialogs::listing::{Listing, ListingView};
use crate::state::audit_words::{action_words, change_words};

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

fn row(entry: AuditEntry) -> ListRow {
    let AuditEntry { at, actor, action, target, detail, .. } = entry;
    let name = |user: &User| user.username.as_str().to_owned();
    let who = actor.as_ref().map_or("The server".to_owned(), name);
    // Who joins, or pins a message of their own, is actor and target.
    let target = target.filter(|target| Some(target.id) != actor.as_ref().map(|actor| actor.id));
    let what = action_words(&action);
    let what = match &target {
        Some(user) => format!("{what} {}", name(user)),
        // Their own.
        None => what.trim_end_matches(" of").to_owned(),
    };
    let change = change_words(&action, detail.before.as_deref(), detail.after.as_deref());
    let change = change.map_or(String::new(), |change| format!(" · {change}"));
    let reason = detail.reason.map_or(String::new(), |reason| format!(" · {reason}"));
    let count = match detail.count {
        None => String::new(),
        Some(1) => " · 1 message deleted".to_owned(),
        Some(count) => format!(" · {count} messages deleted"),
    };
    ListRow {
        picture: actor.as_ref().map(Into::into),
        title: format!("{who} {what}"),
        person: who,
        note: format!("{}{change}{reason}{count}", time_text(at.unix_millis(), TimeStyle::Full)),
        ..ListRow::default()
    }
}
