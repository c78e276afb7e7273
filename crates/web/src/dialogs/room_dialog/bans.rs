//! Who is banned from a room.

use leptos::prelude::*;
use shared::bans::Ban;
use shared::members::Operation;

use super::context::{Dialog, or_gone};
use crate::client;
use crate::components::row_list::ListRow;
use crate::dialogs::listing::{Listing, ListingView};

/// The bans.
#[component]
pub fn BanList(dialog: Dialog) -> impl IntoView {
    let listing = Listing::new(move |listing, cursor| {
        Box::pin(async move {
            let page = client::bans::list(dialog.room_id, cursor.as_ref()).await?;
            Ok((page.items.into_iter().map(|ban| row(ban, dialog, listing)).collect(), page.next_cursor))
        })
    });
    view! { <ListingView listing=listing label="Bans" empty="Nobody is banned." /> }
}

fn row(ban: Ban, dialog: Dialog, listing: Listing) -> ListRow {
    let Ban { user, by, reason, .. } = ban;
    let by = by.map_or(String::new(), |by| format!("by {}", by.username.as_str()));
    let reason = reason.map_or(String::new(), |reason| format!(" · {}", reason.as_str()));
    let title = user.username.as_str().to_owned();
    let row =
        ListRow { picture: Some((&user).into()), title, note: format!("{by}{reason}"), ..ListRow::default() };
    if !untrack(|| dialog.may(Operation::Moderate)) {
        return row;
    }
    row.with("Unban", move || {
        listing.act(Box::pin(async move { or_gone(client::bans::delete(dialog.room_id, user.id).await) }));
    })
}
