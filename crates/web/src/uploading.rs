//! Uploads the files of drafts: what `state/draft_files` decides is carried out here.
//!
//! The state has no place for the browser's handles of files and for running requests, so they are beside it, by the ids
//! of the files. What is not in the state any more is let go of, and its upload is cancelled.

use std::cell::{Cell, OnceCell, RefCell};
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::select;
use js_sys::futures::JsFuture;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::errors::ErrorCode;
use shared::ids::{AttachmentId, UserId};
use shared::members::Operation;
use shared::users::UserKind;
use web_sys::{BeforeUnloadEvent, File};

use crate::boxed::{effect, memo};
use crate::browser;
use crate::client::{self, ClientError};
use crate::state::draft_files::{ChosenFile, DraftFile, DraftFiles, DraftPlace};
use crate::state::{Identity, State};
use crate::wire::FileLimits;

/// A server that wants to be left alone for longer refuses: the user may not want to wait.
const LONGEST_WAIT_MILLIS: i64 = 60_000;

thread_local! {
    static HANDLES: RefCell<Vec<(AttachmentId, File)>> = const { RefCell::new(Vec::new()) };
    /// Dropping the sender cancels the upload.
    static RUNNING: RefCell<Vec<(AttachmentId, oneshot::Sender<()>)>> = const { RefCell::new(Vec::new()) };
    /// What the effects belong to.
    static OWNER: OnceCell<Owner> = const { OnceCell::new() };
    /// How large files may be, once the server has said it.
    static LIMITS: Cell<Option<FileLimits>> = const { Cell::new(None) };
    /// While there are files, what asks before the page is left.
    static GUARD: RefCell<Option<WindowListenerHandle>> = const { RefCell::new(None) };
}

/// Adds files to a draft, if the user may upload in its room. Returns what is to be told, in a sentence.
pub fn attach(state: State, place: DraftPlace, files: Vec<File>) -> Option<String> {
    if !untrack(|| state.may(place.room_id, Operation::Upload)) {
        return Some("You cannot upload files here at the moment.".to_owned());
    }
    let mut chosen = Vec::new();
    for file in files {
        let id = browser::new_attachment_id();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A number of bytes.
        let size = file.size() as u64;
        chosen.push(ChosenFile { id, name: file.name(), size, content_type: file.type_() });
        HANDLES.with_borrow_mut(|handles| handles.push((id, file)));
    }
    let mut left_out = 0;
    state.draft_files.update(|files| left_out = files.add(place, chosen));
    let left_out = match left_out {
        0 => return None,
        1 => "1 file was left out.".to_owned(),
        count => format!("{count} files were left out."),
    };
    Some(format!("A message can have at most 10 files. {left_out}"))
}

/// The browser's handle of a file.
pub fn handle(id: AttachmentId) -> Option<File> {
    HANDLES
        .with_borrow(|handles| handles.iter().find(|(known, _)| *known == id).map(|(_, file)| file.clone()))
}

/// Uploads what is attached from now on, as long as the page lives: drafts stay when their rooms are left.
pub fn start(state: State) {
    OWNER.with(|owner| {
        owner.get_or_init(|| {
            let component = Owner::current();
            let owner = Owner::new_root(None);
            owner.with(|| follow(state));
            // A new root makes itself the current one.
            if let Some(component) = component {
                component.set();
            }
            owner
        });
    });
}

fn follow(state: State) {
    let files = state.draft_files;
    effect(move || {
        let is_due = files.with(|files| {
            HANDLES.with_borrow_mut(|handles| handles.retain(|(id, _)| files.get(*id).is_some()));
            RUNNING.with_borrow_mut(|running| running.retain(|(id, _)| files.get(*id).is_some()));
            files.is_due(browser::now())
        });
        if is_due {
            // After the effect, which must not change what it follows.
            spawn_local(pump(state));
        }
    });
    let has_any = memo(move || files.with(|files| !files.is_empty()));
    effect(move || guard_page(has_any.get()));
    let is_open = memo(move || state.connection.with(|connection| connection.is_open()));
    effect(move || {
        if is_open.get() {
            files.maybe_update(|files| {
                files.wake();
                !files.is_empty()
            });
        }
    });
    // A room that is lost takes its draft along, and so does the user.
    effect(move || {
        let rooms = state.rooms.with(|rooms| {
            rooms.is_loaded().then(|| rooms.all().iter().map(|room| room.id).collect::<Vec<_>>())
        });
        if let Some(rooms) = rooms {
            files.maybe_update(|files| {
                let has_any = !files.is_empty();
                files.keep_rooms(|room_id| rooms.contains(&room_id));
                has_any
            });
        }
    });
    let me = memo(move || state.identity.with(|identity| identity.user().map(|user| user.id)));
    Effect::new(move |before: Option<Option<UserId>>| {
        let me = me.get();
        if before.flatten().is_some_and(|before| Some(before) != me) {
            files.update(DraftFiles::clear);
        }
        me
    });
}

/// Lets the browser ask before the page is left: files and what was said of them would be gone. Browsers like pages that
/// ask only when there is something to lose.
fn guard_page(has_files: bool) {
    let ask = |event: BeforeUnloadEvent| {
        event.prevent_default();
        // For browsers that ask only then.
        event.set_return_value("files");
    };
    let guard = has_files.then(|| window_event_listener(ev::beforeunload, ask));
    if let Some(earlier) = GUARD.replace(guard) {
        earlier.remove();
    }
}

async fn pump(state: State) {
    if LIMITS.get().is_none() {
        // Without an answer the server refuses what is too large.
        LIMITS.set(client::server::get_file_limits().await.ok());
    }
    let kind = state.identity.with_untracked(|identity| identity.user().map(|user| user.kind));
    let mut started = Vec::new();
    state.draft_files.maybe_update(|files| {
        if let Some(limits) = LIMITS.get() {
            let of_guest = kind == Some(UserKind::Guest);
            let per_day = if of_guest { limits.of_guest_per_day } else { limits.of_member_per_day };
            files.refuse_larger(limits.upload_bytes, per_day);
        }
        started = files.start(browser::now());
        true
    });
    for file in started {
        let (running, cancelled) = oneshot::channel();
        RUNNING.with_borrow_mut(|all| {
            all.retain(|(id, _)| *id != file.chosen.id);
            all.push((file.chosen.id, running));
        });
        spawn_local(async move {
            select(Box::pin(upload(state, file)), cancelled).await;
        });
    }
}

async fn upload(state: State, file: DraftFile) {
    let id = file.chosen.id;
    let files = state.draft_files;
    let Some(handle) = handle(id) else { return };
    let on_progress = move |bytes| files.update(|files| files.sent(id, bytes));
    let outcome = client::uploads::create(file.place.room_id, id, &handle, on_progress).await;
    match outcome {
        Ok(attachment) => files.update(|files| files.stored(id, attachment)),
        Err(ClientError::Network) if !is_readable(&handle).await => {
            let detail = "It cannot be read. It may be a folder, or have been moved or changed.";
            files.update(|files| files.fail(id, detail.to_owned(), true));
        }
        Err(error) if passes(&error) => {
            let (now, random) = (browser::now(), browser::random());
            let mut wait = 0;
            files.update(|files| wait = files.postpone(id, now, random, error.retry_after_millis()));
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
            set_timeout(move || spawn_local(pump(state)), wait);
        }
        Err(error) => {
            let may_retry = error.code() != Some(ErrorCode::BodyTooLarge);
            files.update(|files| files.fail(id, error.sentence(), may_retry));
            if error.is_signed_out() {
                state.identity.set(Identity::Anonymous);
            }
        }
    }
}

/// Whether another attempt may succeed soon.
fn passes(error: &ClientError) -> bool {
    error.is_passing() && error.retry_after_millis() <= LONGEST_WAIT_MILLIS
}

/// Whether the browser still gets at the file. A request that fails does not say whether it was the file or the network.
async fn is_readable(file: &File) -> bool {
    match file.slice_with_i32_and_i32(0, 1) {
        Ok(beginning) => JsFuture::from(beginning.array_buffer()).await.is_ok(),
        Err(_) => false,
    }
}
