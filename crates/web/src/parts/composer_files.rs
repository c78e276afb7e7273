//! The files of a draft: choosing and dropping them, how their uploads get on, and what the user can do about it.

use js_sys::{Array, Reflect};
use leptos::ev;
use leptos::html::{Img, Input};
use leptos::prelude::*;
use shared::files::AltText;
use shared::ids::AttachmentId;
use shared::members::Operation;
use wasm_bindgen::JsCast;
use web_sys::{DataTransfer, DragEvent, Element, EventTarget, File, FileList, Url};

use crate::boxed::{effect, in_next_frame, memo};
use crate::browser;
use crate::components::field_error::FieldError;
use crate::components::icon::Icon;
use crate::components::keyed_list::KeyedList;
use crate::parts::file_name::file_name;
use crate::parts::{DraftFacts, field_of};
use crate::state::State;
use crate::state::draft_files::{DraftFile, DraftFiles, DraftPlace, Stage};
use crate::state::files::{FileKind, size_text};
use crate::uploading;

/// A picture with no more pixels is not enlarged.
const PREVIEW_PIXELS: u32 = 56;

/// What opens the dialog to choose files, the place where they are dropped, and the files of a draft.
#[component]
pub fn ComposerFiles(
    /// The draft.
    place: DraftPlace,
    /// What the composer knows of them.
    draft: DraftFacts,
) -> impl IntoView {
    let state = expect_context::<State>();
    uploading::start(state);
    keep_in_step(state, place, draft);
    let may_attach = memo(move || state.may(place.room_id, Operation::Upload));
    let has_files = memo(move || state.draft_files.with(|files| files.of_draft(place).next().is_some()));
    take_arrived(state, place, draft.error);
    view! {
        <Show when=move || has_files.get()>
            <DraftFileList place=place />
        </Show>
        <Show when=move || may_attach.get()>
            <FileField place=place draft=draft />
        </Show>
        <DropTarget place=place may_drop=may_attach />
    }
}

/// Tells the composer of the files, and the files that the composer has sent them.
fn keep_in_step(state: State, place: DraftPlace, draft: DraftFacts) {
    let files = state.draft_files;
    let stored = memo(move || files.with(|files| files.in_store(place)));
    let is_uploading = memo(move || files.with(|files| files.is_uploading(place)));
    let is_blocked = memo(move || files.with(|files| files.is_blocked(place)));
    effect(move || {
        // First what can be sent: the composer may be waiting for it.
        draft.stored.set(stored.get());
        draft.is_blocked.set(is_blocked.get());
        draft.is_uploading.set(is_uploading.get());
    });
    effect(move || {
        if draft.stored.with(Vec::is_empty) && !stored.with_untracked(Vec::is_empty) {
            files.update(|files| files.remove_stored(place));
        }
    });
}

/// The files of a list of the browser.
fn files_in(list: Option<FileList>) -> Vec<File> {
    let Some(list) = list else { return Vec::new() };
    (0..list.length()).filter_map(|place| list.get(place)).collect()
}

/// Takes the files that are dropped onto the room or thread or pasted into its composer, also those that came before this
/// was loaded: the script of `index.html` keeps them.
fn take_arrived(state: State, place: DraftPlace, error: RwSignal<Option<String>>) {
    let take = move || {
        let kept =
            Reflect::get(&window(), &"files".into()).ok().and_then(|kept| kept.dyn_into::<Array>().ok());
        let Some(kept) = kept else { return };
        let files: Vec<File> = kept.iter().filter_map(|file| file.dyn_into().ok()).collect();
        kept.set_length(0);
        if !files.is_empty() {
            error.set(uploading::attach(state, place, files));
        }
    };
    let listener = window_event_listener_untyped("files", move |event| {
        if is_in(place, event.target()) {
            take();
        }
    });
    on_cleanup(move || listener.remove());
    if place.thread.is_none() {
        // Not while the page is drawn. A thread is loaded with what takes its files.
        in_next_frame(take);
    }
}

/// Whether something is within the room, or within the thread.
fn is_in(place: DraftPlace, target: Option<EventTarget>) -> bool {
    let area = if place.thread.is_some() { "#thread" } else { "#main" };
    let target = target.and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| matches!(target.closest(area), Ok(Some(_))))
}

/// The browser's dialog to choose files, which the composer's button opens.
#[component]
fn FileField(place: DraftPlace, draft: DraftFacts) -> impl IntoView {
    let state = expect_context::<State>();
    let field = NodeRef::<Input>::new();
    effect(move || {
        if let Some(field) = field.get().filter(|_| draft.wants_files.get()) {
            draft.wants_files.set(false);
            field.click();
        }
    });
    let on_change = move |_| {
        if let Some(field) = field.get_untracked() {
            draft.error.set(uploading::attach(state, place, files_in(field.files())));
            // The same file can be chosen again.
            field.set_value("");
            browser::focus(field_of(place));
        }
    };
    view! { <input node_ref=field type="file" multiple hidden on:change=on_change /> }
}

/// Whether files are dragged, and not text or a link.
fn has_files(data: Option<DataTransfer>) -> bool {
    data.is_some_and(|data| data.types().includes(&"Files".into(), 0))
}

/// Covers the room or thread while files are dragged over it. Where they cannot be dropped it says so.
#[component]
fn DropTarget(place: DraftPlace, may_drop: Memo<bool>) -> impl IntoView {
    let state = expect_context::<State>();
    let is_over = RwSignal::new(false);
    let enter = move |event: DragEvent| {
        if is_in(place, event.target()) && has_files(event.data_transfer()) {
            is_over.set(true);
        }
    };
    let end = move || {
        if is_over.get_untracked() {
            is_over.set(false);
        }
    };
    let listeners = [
        window_event_listener(ev::dragenter, enter),
        window_event_listener(ev::drop, move |_| end()),
        // Not every browser tells that a drag was cancelled. While something is dragged, the pointer does not move.
        window_event_listener(ev::pointermove, move |_| end()),
        window_event_listener(ev::keydown, move |_| end()),
    ];
    on_cleanup(move || listeners.into_iter().for_each(|listener| listener.remove()));
    let words = move || match may_drop.get() {
        true if place.thread.is_some() => "Drop files here to attach them to your reply".to_owned(),
        true => format!(
            "Drop files here to attach them to your message in {}",
            state.room_name(place.room_id).unwrap_or_default()
        ),
        false => "You cannot upload files here at the moment".to_owned(),
    };
    view! {
        <Show when=move || is_over.get()>
            <div class="drop-target" on:dragleave=move |_| end()>
                <p dir="auto">
                    <Icon name="clip" />
                    {move || words()}
                </p>
            </div>
        </Show>
    }
}

/// The files of a draft.
#[component]
fn DraftFileList(place: DraftPlace) -> impl IntoView {
    let state = expect_context::<State>();
    let ids = memo(move || {
        state.draft_files.with(|files| files.of_draft(place).map(|file| file.chosen.id).collect::<Vec<_>>())
    });
    let keys = move || ids.with(|ids| ids.iter().map(|id| id.0.as_u128()).collect());
    let draw = move |key| {
        let id = ids.with_untracked(|ids| ids.iter().copied().find(|id| id.0.as_u128() == key));
        id.map(|id| view! { <DraftFileTile id=id place=place /> }).into_any()
    };
    let has = move |fits: fn(FileKind) -> bool| {
        let kind = |file: &DraftFile| FileKind::of_type(&file.chosen.content_type);
        state.draft_files.with(|files| files.of_draft(place).any(|file| fits(kind(file))))
    };
    let has_images = memo(move || has(|kind| kind == FileKind::Image));
    let has_media = memo(move || has(|kind| matches!(kind, FileKind::Audio | FileKind::Video)));
    let metadata = move || match (has_images.get(), has_media.get()) {
        (true, true) => "Images lose their metadata, such as the location. Audio and video keep theirs.",
        (true, false) => "Images lose their metadata, such as the location.",
        (false, true) => "Audio and video keep their metadata, such as the location.",
        (false, false) => "",
    };
    view! {
        <div class="draft-files">
            <ul aria-label="Files of this message">
                <KeyedList keys=Signal::derive(keys) draw=draw />
            </ul>
            <p class="draft-files-note">{move || metadata()}</p>
        </div>
    }
}

/// One file. It is drawn once and follows the state of its upload.
#[component]
fn DraftFileTile(id: AttachmentId, place: DraftPlace) -> impl IntoView {
    let state = expect_context::<State>();
    let files = state.draft_files;
    let (name, size, content_type) = files.with_untracked(|files| {
        let chosen = files.get(id).map(|file| file.chosen.clone());
        chosen.map(|chosen| (chosen.name, chosen.size, chosen.content_type)).unwrap_or_default()
    });
    let is_image = FileKind::of_type(&content_type) == FileKind::Image;
    let failure = memo(move || {
        files.with(|files| match files.get(id).map(|file| &file.stage) {
            Some(Stage::Failed { detail, .. }) => Some(detail.clone()),
            _ => None,
        })
    });
    let may_retry = memo(move || {
        let stage = files.with(|files| files.get(id).map(|file| file.stage.clone()));
        matches!(stage, Some(Stage::Failed { may_retry: true, .. }))
    });
    let percent = memo(move || files.with(|files| files.get(id).map_or(0, DraftFile::percent)));
    let progress = memo(move || files.with(|files| files.get(id).map(progress).unwrap_or_default()));
    let is_stored = memo(move || percent.get() == 100);
    let remove = move |_| {
        files.update(|files| files.remove(id));
        // The pressed button no longer exists.
        browser::focus(field_of(place));
    };
    let retry = move |_| files.update(|files| files.retry(id));
    let (label, alt_name, retry_label) = (name.clone(), name.clone(), format!("Try again: {name}"));
    let remove_label = {
        let name = name.clone();
        let is_over = move || is_stored.get() || failure.with(Option::is_some);
        move || if is_over() { format!("Remove {name}") } else { format!("Cancel {name}") }
    };
    view! {
        <li class="draft-file" class:failed=move || failure.with(Option::is_some) data-stored=move || is_stored.get().to_string()>
            <Preview id=id is_image=is_image />
            <div class="draft-file-words">
                {file_name(&name)}
                <span class="file-size">{size_text(size)} {move || progress.get()}</span>
                <progress
                    max="100"
                    value=move || percent.get().to_string()
                    aria-label=format!("Upload of {label}")
                    hidden=move || is_stored.get() || failure.with(Option::is_some)
                ></progress>
                <FieldError id=format!("file-error-{id}") error=failure />
                <Show when=move || is_image && failure.with(Option::is_none)>
                    <AltField id=id name=alt_name.clone() />
                </Show>
            </div>
            <Show when=move || may_retry.get()>
                <button type="button" class="button small" aria-label=retry_label.clone() on:click=retry>
                    "Try again"
                </button>
            </Show>
            <button type="button" class="icon-button" aria-label=remove_label.clone() title=remove_label on:click=remove>
                <Icon name="close" />
            </button>
        </li>
    }
}

/// How an upload gets on, behind the size of its file.
fn progress(file: &DraftFile) -> String {
    match file.stage {
        Stage::Sending(_) if !file.is_repeated() => format!(" · {} %", file.percent()),
        Stage::Waiting if !file.is_repeated() => " · waiting".to_owned(),
        Stage::Waiting | Stage::Sending(_) => format!(" · trying again, {} %", file.percent()),
        Stage::Stored(_) => " · uploaded".to_owned(),
        Stage::Failed { .. } => String::new(),
    }
}

/// The picture of an image that is on the user's disk, or an icon.
#[component]
fn Preview(id: AttachmentId, is_image: bool) -> impl IntoView {
    let handle = uploading::handle(id).filter(|_| is_image);
    let Some(url) = handle.and_then(|file| Url::create_object_url_with_blob(&file).ok()) else {
        return view! { <Icon name="file" /> }.into_any();
    };
    let made = url.clone();
    on_cleanup(move || {
        // Only fails for what is no address.
        let _ = Url::revoke_object_url(&made);
    });
    let picture = NodeRef::<Img>::new();
    let is_small = RwSignal::new(false);
    let on_load = move |_| {
        let longest =
            picture.get_untracked().map(|picture| picture.natural_width().max(picture.natural_height()));
        is_small.set(longest.is_some_and(|longest| longest <= PREVIEW_PIXELS));
    };
    view! { <img node_ref=picture class="draft-file-picture" class:small=move || is_small.get() src=url alt="" on:load=on_load /> }
        .into_any()
}

/// What an image shows, for those who do not see it.
#[component]
fn AltField(id: AttachmentId, name: String) -> impl IntoView {
    let files = expect_context::<State>().draft_files;
    let text = RwSignal::new(
        files.with_untracked(|files| files.get(id).map(|file| file.alt.clone()).unwrap_or_default()),
    );
    let error = RwSignal::new(None);
    let on_input = move |_| {
        let mut described = Ok(());
        files.update(|files: &mut DraftFiles| described = files.describe(id, text.get_untracked()));
        error.set(described.err().map(|invalid| invalid.detail));
    };
    view! {
        <input
            class="input"
            type="text"
            maxlength=AltText::LENGTH.max.to_string()
            placeholder="Describe the image (optional)"
            aria-label=format!("Description of {name}")
            aria-describedby=format!("alt-error-{id}")
            bind:value=text
            on:input=on_input
        />
        <FieldError id=format!("alt-error-{id}") error=error />
    }
}
