//! The dialog about the open room: its settings, members, invites, bans and log, leaving and deleting it.
//!
//! It offers what the user may do there now, and nothing else.

mod about;
mod bans;
mod invites;
mod leaving;
mod log;
mod members;
mod person;

use leptos::prelude::*;
use shared::ids::RoomId;
use shared::members::{Operation, Role};

use crate::boxed::{effect, memo};
use crate::client::ClientError;
use crate::components::modal::Modal;
use crate::components::segmented_control::SegmentedControl;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::state::State;

/// The room of the dialog, and the app's contexts.
#[derive(Clone, Copy)]
struct Dialog {
    state: State,
    live: Live,
    overlays: Overlays,
    room_id: RoomId,
}

impl Dialog {
    /// Whether the user may do this in the room, tracked.
    fn may(self, operation: Operation) -> bool {
        self.state.may(self.room_id, operation)
    }

    /// The user's role in the room, not tracked.
    fn role(self) -> Option<Role> {
        let role = |room: &shared::rooms::Room| room.viewer.as_ref().and_then(|viewer| viewer.role);
        self.state.rooms.with_untracked(|rooms| rooms.get(self.room_id).and_then(role))
    }

    /// The roles that the user may give to others, the lowest first.
    fn roles_to_give(self) -> Vec<Role> {
        let mut roles = vec![Role::Guest, Role::Member];
        if self.role() == Some(Role::Owner) {
            roles.push(Role::Moderator);
        }
        roles
    }

    /// The room's name, not tracked.
    fn name(self) -> String {
        self.state.room_name(self.room_id).unwrap_or_default()
    }
}

/// What a request has done already counts as done.
fn or_gone(outcome: Result<(), ClientError>) -> Result<(), ClientError> {
    match outcome {
        Err(error) if !error.is_missing() => Err(error),
        _ => Ok(()),
    }
}

/// The dialog of the open room.
#[component]
pub fn RoomDialog() -> impl IntoView {
    let navigation = expect_context::<Navigation>();
    let overlays = expect_context::<Overlays>();
    let (state, live) = (expect_context::<State>(), expect_context::<Live>());
    let room_id = memo(move || navigation.route().room());
    // The user may lose the room meanwhile.
    effect(move || {
        let is_there = room_id.get().is_some_and(|id| state.room(id, |_| ()).is_some());
        if !is_there && overlays.room.get_untracked() {
            overlays.room.set(false);
        }
    });
    effect(move || {
        if !overlays.room.get() && overlays.person.with_untracked(Option::is_some) {
            overlays.person.set(None);
        }
    });
    let content = move || {
        let room_id = room_id.get_untracked()?;
        Some(view! { <Parts dialog=Dialog { state, live, overlays, room_id } /> })
    };
    view! {
        <Modal open=overlays.room label="Room" class="narrow settings">
            {content()}
        </Modal>
    }
}

/// The parts: their numbers, their labels, and what the user must be allowed to do to see them.
const PARTS: [(u32, &str, Option<Operation>); 6] = [
    (0, "About", None),
    (1, "Members", None),
    (2, "Invites", Some(Operation::ManageInvites)),
    (3, "Bans", Some(Operation::ViewBans)),
    (4, "Log", Some(Operation::ViewAudit)),
    (5, "Leave", None),
];

#[component]
fn Parts(dialog: Dialog) -> impl IntoView {
    let Dialog { overlays, room_id, state, .. } = dialog;
    let chosen = RwSignal::new(u32::from(overlays.person.with_untracked(Option::is_some)));
    let shown = memo(move || {
        let is_shown = |(_, _, needs): &(u32, &str, Option<Operation>)| needs.is_none_or(|it| dialog.may(it));
        let parts = PARTS.into_iter().filter(is_shown).map(|(number, label, _)| (number, label));
        parts.collect::<Vec<_>>()
    });
    let part = move || match chosen.get() {
        number if shown.with(|parts| parts.iter().all(|part| part.0 != number)) => ().into_any(),
        0 => view! { <about::About dialog=dialog /> }.into_any(),
        1 => view! { <members::MemberList dialog=dialog /> }.into_any(),
        2 => view! { <invites::InviteList dialog=dialog /> }.into_any(),
        3 => view! { <bans::BanList dialog=dialog /> }.into_any(),
        4 => view! { <log::Log dialog=dialog /> }.into_any(),
        _ => view! { <leaving::Leaving dialog=dialog /> }.into_any(),
    };
    let name = move || state.room(room_id, |room| room.name.as_str().to_owned()).unwrap_or_default();
    view! {
        <h2 dir="auto">{name}</h2>
        <div class="parts">
            {move || view! { <SegmentedControl label="Room section" choices=shown.get() chosen=chosen /> }}
            <div class="part">{move || part()}</div>
        </div>
        <div class="dialog-actions">
            <button type="button" class="button primary" on:click=move |_| overlays.room.set(false)>
                "Done"
            </button>
        </div>
    }
}
