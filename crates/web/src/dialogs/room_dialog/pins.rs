//! The pinned messages of a room.

use leptos::prelude::*;
use shared::members::Operation;
use shared::messages::Message;

use super::context::Dialog;
use crate::browser::{TimeStyle, time_text};
use crate::client;
use crate::components::row_list::ListRow;
use crate::dialogs::listing::{Listing, ListingView};
use crate::navigation::Navigation;
use crate::route::Route;
use crate::state::excerpts::excerpt;

/// The messages, each with a way to its place.
#[component]
pub fn PinList(dialog: Dialog) -> impl IntoView {
    let navigation = expect_context::<Navigation>();
    let listing = Listing::new(move |listing, _| {
        Box::pin(async move {
            let page = client::pins::list(dialog.room_id).await?;
            let row = |message: &Message| row(message, dialog, navigation, listing);
            Ok((page.items.iter().map(row).collect(), None))
        })
    });
    view! { <ListingView listing=listing label="Pinned messages" empty="No message is pinned." /> }
}

fn row(message: &Message, dialog: Dialog, navigation: Navigation, listing: Listing) -> ListRow {
    let (room_id, id) = (dialog.room_id, message.id);
    let author = message.author.username.as_str();
    let time = time_text(message.created_at.unix_millis(), TimeStyle::Full);
    let words = Some(excerpt(message)).filter(|words| !words.is_empty());
    let row = ListRow {
        picture: Some((&message.author).into()),
        person: author.to_owned(),
        title: words.unwrap_or_else(|| "Files".to_owned()),
        note: format!("{author} · {time}"),
        ..ListRow::default()
    };
    let row = row.with("Show", move || {
        dialog.overlays.room.set(false);
        navigation.go(Route::Message(room_id, id));
    });
    if !untrack(|| dialog.may(Operation::Pin)) {
        return row;
    }
    row.with("Unpin", move || {
        listing.act(Box::pin(async move {
            let answer = client::pins::put(room_id, id, false).await?;
            dialog.state.apply_answer(answer);
            Ok(())
        }));
    })
}
