//! What the parts of the room's page share.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::{MessageId, RoomId, Seq, UserId};
use shared::members::Operation;
use shared::replies::ReplyTo;
use shared::rooms::Room;

use crate::boxed::{effect, memo};
use crate::browser;
use crate::client;
use crate::components::message_list::target::ScrollTarget;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::parts::{DraftFacts, Parts, field_of};
use crate::state::State;
use crate::state::draft_files::DraftPlace;

/// A mute that ends within this time counts down by seconds.
const NEAR_MILLIS: i64 = 120_000;
/// Longer mutes count down in steps of this size.
const CALM_MILLIS: i64 = 30_000;

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
    /// What is loaded later.
    pub parts: Parts,
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
    /// What the next message answers.
    pub replying: RwSignal<Option<ReplyTo>>,
    /// The thread whose panel this is; `None` for the room itself.
    pub thread: Option<MessageId>,
    /// The files of the draft.
    pub draft_files: DraftFacts,
}

impl RoomContext {
    /// Creates the page's signals. Needs the app's contexts.
    pub fn new(room_id: RoomId, parts: Parts) -> Self {
        let state = expect_context::<State>();
        let last_read = state.reading.with_value(|reading| reading.last_read(room_id));
        Self {
            state,
            live: expect_context(),
            navigation: expect_context(),
            overlays: expect_context(),
            parts,
            room_id,
            loading: RwSignal::new(false),
            request: StoredValue::new(0),
            missing: RwSignal::new(false),
            failure: RwSignal::new(None),
            target: RwSignal::new(None),
            at_end: RwSignal::new(true),
            new_after: RwSignal::new(last_read),
            editing: RwSignal::new(None),
            replying: RwSignal::new(None),
            thread: None,
            draft_files: DraftFacts::default(),
        }
    }

    /// Where the user's draft is written.
    pub fn place(self) -> DraftPlace {
        DraftPlace { room_id: self.room_id, thread: self.thread }
    }

    /// The field in which the user writes.
    pub fn field(self) -> &'static str {
        field_of(self.place())
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

    /// Whether the user may do this in the room, tracked.
    pub fn may(self, operation: Operation) -> bool {
        self.state.may(self.room_id, operation)
    }

    /// The time while it is shown: each second while slow mode or a mute that ends within two minutes makes the user wait,
    /// and every half a minute while a longer mute does.
    pub fn clock(self) -> RwSignal<i64> {
        let Self { state, room_id, .. } = self;
        let now = RwSignal::new(browser::now());
        let tick = move || {
            let (time, shown) = (browser::now(), now.get_untracked());
            let muted = |room: &Room| room.viewer.as_ref().and_then(|viewer| viewer.muted_until);
            let until =
                untrack(|| state.room(room_id, muted)).flatten().map_or(0, |until| until.unix_millis());
            let is_slowed = state.slow_modes.with_untracked(|modes| modes.seconds(room_id, shown) > 0);
            let is_soon = until > shown && until - time < NEAR_MILLIS;
            let is_due = until > shown && time - shown >= CALM_MILLIS;
            if is_slowed || is_soon || is_due {
                now.set(time);
            }
        };
        // From the beginning of a wait on, the time is right.
        effect(move || {
            state.slow_modes.track();
            state.room(room_id, |room| room.viewer.as_ref().and_then(|viewer| viewer.muted_until));
            now.set(browser::now());
        });
        if let Ok(timer) = set_interval_with_handle(tick, Duration::from_secs(1)) {
            on_cleanup(move || timer.clear());
        }
        now
    }

    /// Asks the server for the room, and so for what the user may do there now.
    pub fn refresh(self) {
        spawn_local(async move {
            // Without an answer what is known stays.
            if let Ok(room) = client::rooms::get(self.room_id).await {
                self.state.take_room(room);
            }
        });
    }
}
