//! The parts of the client that most visits do not need. A release has them in a file of their own (`script/split`),
//! which is loaded when the first of them is shown, or soon after the start.

use std::time::Duration;

#[cfg(split)]
use futures_util::FutureExt;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::SplitLoaderError;
#[cfg(split)]
use leptos::wasm_split::wasm_split;
use shared::ids::RoomId;

use crate::app::dialogs::AppDialogs;
use crate::boxed::{effect, memo};
use crate::browser;
use crate::components::page_frame::PageFrame;
use crate::components::placeholder::Placeholder;
use crate::dialogs::draft_file_list::DraftFileList;
use crate::overlays::Overlays;
use crate::pages::admin_page::AdminPage;
use crate::pages::invite_page::InvitePage;
use crate::pages::reset_page::ResetPage;
use crate::pages::setup_page::SetupPage;
use crate::state::State;
use crate::state::draft_files::DraftFiles;
use crate::state::toasts::Tone;

/// When the parts are loaded even if none is shown, so that a dialog is there for the first key that is typed into it,
/// and an open tab needs no files of a server that has been updated.
const SOON: Duration = Duration::from_secs(3);

/// How long a part may take to load.
const PATIENCE: Duration = Duration::from_secs(15);

/// A part that is loaded later.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All dialogs. They are loaded when the first of them opens.
    Dialogs,
    /// The page of the setup link.
    Setup,
    /// The page of a reset link.
    Reset,
    /// The page of an invite.
    Invite,
    /// The page of the server's admins.
    Admin,
    /// The files of a room's draft.
    DraftFiles(RoomId),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PartStage {
    Absent,
    Failed,
    Loaded,
}

/// Only what is reached from here and from nowhere else is in the file that is loaded later.
#[cfg_attr(split, wasm_split(later, wasm_split_path = ::leptos::wasm_split, fallible, preload(load)))]
fn draw_loaded(part: Part) -> Result<AnyView, SplitLoaderError> {
    Ok(match part {
        Part::Dialogs => view! { <AppDialogs /> }.into_any(),
        Part::Setup => view! { <SetupPage /> }.into_any(),
        Part::Reset => view! { <ResetPage /> }.into_any(),
        Part::Invite => view! { <InvitePage /> }.into_any(),
        Part::Admin => view! { <AdminPage /> }.into_any(),
        Part::DraftFiles(room_id) => view! { <DraftFileList room_id=room_id /> }.into_any(),
    })
}

/// A client that is not split has everything.
#[cfg(not(split))]
async fn load() -> Result<(), SplitLoaderError> {
    Ok(())
}

fn draw(part: Part) -> Option<AnyView> {
    #[cfg(split)]
    let drawn = draw_loaded(part).now_or_never()?;
    #[cfg(not(split))]
    let drawn = draw_loaded(part);
    drawn.ok()
}

/// A part of the client, which may have to be loaded first. If that fails, the user is told, and may try again: by
/// opening the dialog once more, or by the button in the place of the page.
#[component]
pub fn Later(
    /// The part.
    part: Part,
) -> impl IntoView {
    let state = expect_context::<State>();
    let overlays = expect_context::<Overlays>();
    let stage = RwSignal::new(PartStage::Absent);
    let again = RwSignal::new(());
    // What uploads the files of drafts comes with the dialogs.
    let has_files = memo(move || state.draft_files.with(|files| !files.is_empty()));
    let is_needed = memo(move || part != Part::Dialogs || overlays.asks_for_dialog() || has_files.get());
    effect(move || {
        again.track();
        if !is_needed.get() || stage.get_untracked() == PartStage::Loaded {
            return;
        }
        overlays.loading.set(true);
        spawn_local(async move {
            let next = match browser::within(PATIENCE, load()).await {
                Some(Ok(())) => PartStage::Loaded,
                _ => PartStage::Failed,
            };
            overlays.loading.set(false);
            if next == PartStage::Failed && part == Part::Dialogs {
                overlays.close_dialogs();
                state.draft_files.update(DraftFiles::clear);
                let text = "A part of Parlance could not be loaded. Try again, or reload the page.";
                state.toast(Tone::Error, text, browser::now());
            }
            // The page may be gone, and a dialog that was closed and opened meanwhile may have loaded it already.
            if stage.try_get_untracked().is_some_and(|stage| stage != next) {
                stage.set(next);
            }
        });
    });
    if part == Part::Dialogs {
        // A failure is told when it matters.
        set_timeout(|| spawn_local(async { drop(load().await) }), SOON);
    }
    move || match (stage.get(), part) {
        (PartStage::Loaded, _) => draw(part).into_any(),
        (PartStage::Failed, Part::Setup | Part::Reset | Part::Invite | Part::Admin) => {
            let text = "Check your connection and try again, or reload the page.";
            view! {
                <PageFrame menu_open=overlays.menu>
                    <Placeholder title="This page could not be loaded" text=text>
                        <button type="button" class="button primary" on:click=move |_| again.notify()>
                            "Try again"
                        </button>
                    </Placeholder>
                </PageFrame>
            }
            .into_any()
        }
        _ => ().into_any(),
    }
}
