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
mod notify;
mod person;
mod pins;

use leptos::prelude::*;
use shared::members::Operation;
use shared::rooms::Room;

use crate::boxed::{effect, memo};
use crate::dialogs::room_dialog::context::Dialog;
use crate::dialogs::section_dialog::{Section, SectionDialog};
use crate::dialogs::unsaved::Unsaved;
use crate::live::Live;
use crate::navigation::Navigation;
use crate::overlays::Overlays;
use crate::state::State;

const ABOUT: Section = (0, "About");
const MEMBERS: Section = (1, "Members");
const INVITES: Section = (2, "Invites");
const BANS: Section = (3, "Bans");
const AUDIT: Section = (4, "Audit log");
const PINS: Section = (6, "Pinned messages");
const NOTIFY: Section = (7, "Notifications");
const LEAVE: Section = (5, "Leave");
const LEAVE_OR_DELETE: Section = (5, "Leave or delete");

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
    let unsaved = Unsaved::new(overlays.question);
    let dialog = move || Some(Dialog { state, live, overlays, unsaved, room_id: room_id.get_untracked()? });
    let items = memo(move || {
        let Some(room_id) = room_id.get() else { return Vec::new() };
        let may = |operation| state.may(room_id, operation);
        let last = if may(Operation::DeleteRoom) { LEAVE_OR_DELETE } else { LEAVE };
        let guarded =
            [(INVITES, Operation::ManageInvites), (BANS, Operation::ViewBans), (AUDIT, Operation::ViewAudit)];
        let guarded = guarded.into_iter().filter(|(_, needs)| may(*needs)).map(|(section, _)| section);
        let is_member = |room: &Room| room.viewer.as_ref().is_some_and(|viewer| viewer.role.is_some());
        let notify = (state.room(room_id, is_member) == Some(true)).then_some(NOTIFY);
        [ABOUT, MEMBERS, PINS].into_iter().chain(notify).chain(guarded).chain([last]).collect()
    });
    let title = move || {
        let name = |room: &Room| room.name.as_str().to_owned();
        room_id.get().and_then(|id| state.room(id, name)).unwrap_or_default()
    };
    let draw = move |section| {
        let Some(dialog) = dialog() else { return ().into_any() };
        match section {
            1 => view! { <members::MemberList dialog=dialog /> }.into_any(),
            2 => view! { <invites::InviteList dialog=dialog /> }.into_any(),
            3 => view! { <bans::BanList dialog=dialog /> }.into_any(),
            4 => view! { <log::Log dialog=dialog /> }.into_any(),
            6 => view! { <pins::PinList dialog=dialog /> }.into_any(),
            7 => view! { <notify::NotifyLevel dialog=dialog /> }.into_any(),
            5 => view! { <leaving::Leaving dialog=dialog /> }.into_any(),
            _ => view! { <about::About dialog=dialog /> }.into_any(),
        }
    };
    view! {
        <SectionDialog
            open=overlays.room
            label="Room"
            title=Signal::derive(title)
            unsaved=unsaved
            items=items
            start=move |()| overlays.person.with_untracked(Option::is_some).then_some(MEMBERS.0)
            draw=draw
        />
    }
}
