//! Shows outside the page that unread messages mention the user: a count in the title, a dot on the icon.

use leptos::prelude::*;

use crate::boxed::{effect, memo};
use crate::browser;
use crate::navigation::Navigation;
use crate::state::State;

/// The page's icon with a red dot.
const UNREAD_ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E\
%3Cpath fill='%234957c2' d='M7 4h18a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H15l-7 6v-6H7a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z'/%3E\
%3Ccircle cx='24' cy='8' r='8' fill='%23e5484d' stroke='white' stroke-width='2'/%3E%3C/svg%3E";

/// Updates the title and the icon from now on.
pub fn show_unread(state: State, navigation: Navigation) {
    let unread = state.mentions;
    let plain_icon = icon_link().and_then(|link| link.get_attribute("href")).unwrap_or_default();
    let is_unread = memo(move || unread.get() > 0);
    effect(move || {
        if let Some(link) = icon_link() {
            // Only refused for a malformed name.
            let _ = link.set_attribute("href", if is_unread.get() { UNREAD_ICON } else { &plain_icon });
        }
    });
    let title = memo(move || {
        let count = match unread.get() {
            0 => String::new(),
            unread => format!("({unread}) "),
        };
        let room = navigation.route().room();
        let room = room.and_then(|id| state.room(id, |room| format!("{} · ", room.name.as_str())));
        format!("{count}{}Parlance", room.unwrap_or_default())
    });
    effect(move || title.with(|title| browser::document().set_title(title)));
}

fn icon_link() -> Option<web_sys::Element> {
    browser::document().query_selector("link[rel=icon]").ok().flatten()
}
