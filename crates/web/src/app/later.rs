//! The parts of the client that most visits do not need. A release has them in a file of their own (`script/split`),
//! which is loaded when the first of them is shown, or soon after the start.

use std::time::Duration;

use crate::app::dialogs::AppDialogs;
use crate::boxed::{effect, memo};
use crate::browser;
use crate::components::message_item::plain_text;
use crate::components::page_frame::PageFrame;
use crate::components::placeholder::Placeholder;
use crate::overlays::Overlays;
use crate::pages::admin_page::AdminPage;
use crate::pages::invite_page::InvitePage;
use crate::pages::reset_page::ResetPage;
use crate::pages::room_page::replies::{AboveText, BelowText, ReplyBar};
use crate::pages::room_page::thread::ThreadPanel;
use crate::pages::room_page::toolbar::MessageToolbar;
use crate::pages::setup_page::SetupPage;
use crate::parts::composer_files::ComposerFiles;
use crate::parts::composer_tools::ComposerTools;
use crate::parts::message_editor::MessageEditor;
use crate::parts::message_files::MessageFiles;
use crate::parts::message_text::MessageText;
use crate::parts::{Part, Parts};
use crate::state::State;
use crate::state::toasts::Tone;
#[cfg(split)]
use futures_util::FutureExt;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::SplitLoaderError;
#[cfg(split)]
use leptos::wasm_split::wasm_split;

/// When the parts are loaded even if none is shown, so that a dialog is there for the first key that is typed into it,
/// and an open tab needs no files of a server that has been updated.
const SOON: Duration = Duration::from_secs(3);

/// How long a part may take to load.
const PATIENCE: Duration = Duration::from_secs(15);

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
        Part::ComposerFiles(place, draft) => view! { <ComposerFiles place=place draft=draft /> }.into_any(),
        Part::ComposerTools(tools) => view! { <ComposerTools tools=tools /> }.into_any(),
        Part::Text(row) => view! { <MessageText row=row /> }.into_any(),
        Part::AboveText(row) => view! { <AboveText row=row /> }.into_any(),
        Part::BelowText(row) => view! { <BelowText row=row /> }.into_any(),
        Part::Toolbar(row) => view! { <MessageToolbar row=row /> }.into_any(),
        Part::ReplyBar => view! { <ReplyBar /> }.into_any(),
        Part::MessageFiles(row) => view! { <MessageFiles row=row /> }.into_any(),
        Part::Thread(root) => view! { <ThreadPanel root=root /> }.into_any(),
        Part::Editor(row, editing) => view! { <MessageEditor row=row editing=editing /> }.into_any(),
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

/// Says that the parts are loaded.
fn note(parts: Parts, are_loaded: bool) {
    if are_loaded && !parts.are_loaded.get_untracked() {
        parts.are_loaded.set(true);
    }
}

/// What was there before comes back, and the user may try again.
fn give_up(part: Part) {
    match part {
        Part::ComposerFiles(_, draft) => drop(draft.wants_files.try_set(false)),
        Part::Editor(_, editing) => drop(editing.on_cancel.try_run(())),
        _ => {}
    }
}

/// Draws a part of the client, which may have to be loaded first.
pub fn draw_part(parts: Parts, part: Part) -> AnyView {
    // Rows have several parts each, so one that is loaded has nothing around it.
    let is_loaded = !matches!(part, Part::Dialogs) && parts.are_loaded.get_untracked();
    let drawn = is_loaded.then(|| draw(part)).flatten();
    drawn.unwrap_or_else(|| view! { <Later parts=parts part=part /> }.into_any())
}

/// A part of the client, which may have to be loaded first. If that fails, the user is told, and may try again: by
/// opening the dialog once more, or by the button in the place of the page.
#[component]
fn Later(parts: Parts, part: Part) -> impl IntoView {
    let state = expect_context::<State>();
    let overlays = expect_context::<Overlays>();
    let is_dialogs = matches!(part, Part::Dialogs);
    let stage = RwSignal::new(PartStage::Absent);
    let again = RwSignal::new(());
    let is_page = matches!(part, Part::Setup | Part::Reset | Part::Invite | Part::Admin);
    let is_needed = memo(move || match part {
        Part::Dialogs => overlays.asks_for_dialog(),
        Part::ComposerFiles(_, draft) => draft.wants_files.get(),
        Part::ComposerTools(_) => false,
        _ => true,
    });
    effect(move || {
        again.track();
        // What was loaded for another part since is there, too.
        let is_there = parts.are_loaded.get() && !is_dialogs;
        if !is_there && !is_needed.get() || stage.get_untracked() == PartStage::Loaded {
            return;
        }
        overlays.loading.set(true);
        spawn_local(async move {
            let next = match browser::within(PATIENCE, load()).await {
                Some(Ok(())) => PartStage::Loaded,
                _ => PartStage::Failed,
            };
            overlays.loading.set(false);
            note(parts, next == PartStage::Loaded);
            if next == PartStage::Failed && !is_page {
                overlays.close_dialogs();
                let text = "A part of Parlance could not be loaded. Try again, or reload the page.";
                state.toast(Tone::Error, text, browser::now());
                give_up(part);
            }
            // The page may be gone, and a dialog that was closed and opened meanwhile may have loaded it already.
            if stage.try_get_untracked().is_some_and(|stage| stage != next) {
                stage.set(next);
            }
        });
    });
    if is_dialogs {
        // Back closes overlays by what is loaded then, so it does not wait for a dialog.
        let load_soon = move || {
            spawn_local(async move {
                // A failure is told when it matters.
                let is_loaded = load().await.is_ok();
                note(parts, is_loaded);
                if is_loaded && stage.get_untracked() != PartStage::Loaded {
                    stage.set(PartStage::Loaded);
                }
            });
        };
        set_timeout(load_soon, SOON);
        // Files that are dropped or pasted: the page's script keeps them.
        window_event_listener_untyped("files", move |_| load_soon());
    }
    move || match (stage.get(), part) {
        (PartStage::Loaded, _) => draw(part).into_any(),
        (_, Part::Text(row)) => plain_text(row),
        (_, Part::MessageFiles(_)) => view! { <div class="files-place"></div> }.into_any(),
        (PartStage::Failed, _) if is_page => {
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
