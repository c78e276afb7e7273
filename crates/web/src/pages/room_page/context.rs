//! What the parts of the room's page share.

use leptos::prelude::*;
use shared::ids::{MessageId, RoomId, Seq, UserId};

use crate::boxed::memo;
use crate::components::message_actions::MessageRights;
use crate::components::message_list::target::ScrollTarget;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::state::State;
use crate::state::rows::MessageRow;

/// The open room, its page's signals, and the app's contexts. Provided as a context by the page.
#[derive(Clone, Copy)]
pub struct RoomContext {
    /// Everything the client knows.
    pub state: State,
    /// The connection.
    pub live: Live,
    /// The address bar.
    pub navigation: Navigation,
    /// Menus and dialogs.
    pub overlays: Overlays,
    /// The room.
    pub room_id: RoomId,
    /// Whether a page of messages is loading.
    pub loading: RwSignal<bool>,
    /// The number of the latest request for a page.
    pub request: StoredValue<u32>,
    /// Whether the server said that there is no such room.
    pub missing: RwSignal<bool>,
    /// Why the messages could not be loaded.
    pub failure: RwSignal<Option<String>>,
    /// Where the list of messages scrolls to.
    pub target: RwSignal<Option<ScrollTarget>>,
    /// Whether the user sees the end of the list.
    pub at_end: RwSignal<bool>,
    /// The message before the "New" divider.
    pub new_after: RwSignal<Option<Seq>>,
    /// The message that is being edited.
    pub editing: RwSignal<Option<MessageId>>,
}

impl RoomContext {
    /// Creates the page's signals. Needs the app's contexts.
    pub fn new(room_id: RoomId) -> Self {
        let state = expect_context::<State>();
        let last_read = state.reading.with_value(|reading| reading.last_read(room_id));
        Self {
            state,
            live: expect_context(),
            navigation: expect_context(),
            overlays: expect_context(),
            room_id,
            loading: RwSignal::new(false),
            request: StoredValue::new(0),
            missing: RwSignal::new(false),
            failure: RwSignal::new(None),
            target: RwSignal::new(None),
            at_end: RwSignal::new(true),
            new_after: RwSignal::new(last_read),
            editing: RwSignal::new(None),
        }
    }

    /// The user's id, tracked.
    pub fn me(self) -> Option<UserId> {
        self.state.identity.with(|identity| identity.user().map(|user| user.id))
    }

    /// The room's name.
    pub fn room_name(self) -> Memo<String> {
        let Self { state, room_id, .. } = self;
        memo(move || state.room(room_id, |room| room.name.as_str().to_owned()).unwrap_or_default())
    }

    /// Whether the user owns the room, tracked.
    pub fn owns_room(self) -> bool {
        let owner = self.state.room(self.room_id, |room| room.created_by).flatten();
        owner.is_some() && owner == self.me()
    }

    /// What the user may do with a message, tracked.
    pub fn rights(self, row: &MessageRow) -> MessageRights {
        let is_author = self.me() == Some(row.message.author.id);
        MessageRights { edit: is_author, delete: is_author || self.owns_room() }
    }
}
