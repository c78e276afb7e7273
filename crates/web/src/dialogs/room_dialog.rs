//! The dialog about the open room: its settings, members, invites, bans and log, leaving and deleting it.
//!
//! It offers what the user may do there now, and nothing else.

mod about;
mod bans;
mod context;
mod invites;
mod leaving;
mod log;
mod members;
mod person;

use leptos::prelude::*;
use shared::members::Operation;

use crate::boxed::{effect, memo};
use crate::components::modal::Modal;
use crate::components::segmented_control::SegmentedControl;
use crate::dialogs::room_dialog::context::Dialog;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::state::State;

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
