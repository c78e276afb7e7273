//! A room in the sidebar.

use leptos::prelude::*;
use shared::ids::RoomId;

use crate::components::icon::Icon;
use crate::route::Route;
use crate::state::reading::ReadMarks;
use crate::state::rooms::RoomList;

/// A link to a room, with its unread count.
#[component]
pub fn RoomLink(
    /// The room.
    id: RoomId,
    /// All rooms.
    rooms: RwSignal<RoomList>,
    /// What the user has read of each room.
    reading: RwSignal<ReadMarks>,
    /// The open room.
    current: Memo<Option<RoomId>>,
) -> impl IntoView {
    let unread = Memo::new(move |_| {
        rooms.with(|rooms| rooms.get(id).map_or(0, |room| reading.with(|reading| reading.unread(room))))
    });
    let name = Memo::new(move |_| {
        rooms.with(|rooms| rooms.get(id).map(|room| room.name.as_str().to_owned())).unwrap_or_default()
    });
    let count = move || match unread.get() {
        many @ 100.. => format!("{}+", many.min(99)),
        few => few.to_string(),
    };
    view! {
        <li>
            <a
                class="room-link"
                class:unread=move || { unread.get() > 0 }
                href=Route::Room(id).path()
                aria-current=move || (current.get() == Some(id)).then_some("page")
            >
                <Icon name="hash" />
                <span class="room-link-name" dir="auto">
                    {move || name.get()}
                </span>
                <Show when=move || { unread.get() > 0 }>
                    <span class="count">{move || count()} <span class="sr-only">" unread"</span></span>
                </Show>
            </a>
        </li>
    }
}
