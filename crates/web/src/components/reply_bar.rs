//! What the user answers, above the field in which they write.

use std::sync::Arc;

use leptos::prelude::*;
use shared::replies::Quote;

use crate::components::icon::Icon;
use crate::components::icon_button::IconButton;

/// The note in the place of the text of a deleted message.
pub const DELETED: &str = "This message was deleted.";

/// The author and the beginning of the message that is answered, and a button that answers nothing.
#[component]
pub fn ReplyBar(
    /// The message, if one is answered.
    quote: Memo<Option<Arc<Quote>>>,
    /// Called to answer nothing.
    on_cancel: Callback<()>,
) -> impl IntoView {
    let words = move || quote.with(|quote| quote.as_deref().map(quote_words));
    let author =
        move || quote.with(|quote| quote.as_ref().map(|quote| quote.author.username.as_str().to_owned()));
    view! {
        <Show when=move || quote.with(Option::is_some)>
            <div class="reply-bar">
                <Icon name="reply" />
                <p>
                    "Replying to " <strong dir="auto">{move || author()}</strong>
                    <span class="reply-words" dir="auto">{move || words()}</span>
                </p>
                <IconButton label="Cancel the reply" icon="close" on_press=on_cancel />
            </div>
        </Show>
    }
}

/// What a quote says.
pub fn quote_words(quote: &Quote) -> String {
    match (quote.deleted, quote.excerpt.is_empty()) {
        (true, _) => DELETED.to_owned(),
        (false, true) => "Files".to_owned(),
        (false, false) => quote.excerpt.clone(),
    }
}
