//! The files of a message in the list: images in a grid, players for sound and films, cards for the rest.
//!
//! Everything has its place before it is loaded, so that nothing jumps.

use leptos::prelude::*;
use shared::files::Attachment;
use shared::ids::AttachmentId;

use crate::boxed::{effect, memo};
use crate::browser;
use crate::components::icon::Icon;
use crate::overlays::{Overlays, Viewed};
use crate::parts::file_name::file_name;
use crate::state::State;
use crate::state::files::{FileKind, columns, description, images, preview_url, size_text};
use crate::state::rows::MessageRow;

/// An image that is smaller is shown as it is, in a place of this size.
const SMALLEST_PIXELS: u32 = 48;

/// The files of a message.
#[component]
pub fn MessageFiles(
    /// The message.
    row: RwSignal<MessageRow>,
) -> impl IntoView {
    let Overlays { viewer, viewed, .. } = expect_context();
    let (room_id, message) = row.with_untracked(|row| (row.message.room_id, row.message.id));
    let on_view = Callback::new(move |file| {
        viewed.set(Some(Viewed { room_id, message, file }));
        viewer.set(true);
    });
    // The elements stay when the message is confirmed.
    let files = memo(move || row.with(|row| row.message.attachments.clone()));
    let draw = move || {
        let files = files.get();
        let images = images(&files);
        let columns = columns(images.len());
        let images =
            images.into_iter().map(|file| view! { <Picture file=file on_view=on_view /> }.into_any());
        let others = files.into_iter().filter(|file| FileKind::of(file) != FileKind::Image).map(card);
        view! {
            <div class=format!("images of-{columns}")>{images.collect_view()}</div>
            {others.collect_view()}
        }
    };
    view! { <div class="files">{move || draw()}</div> }
}

/// An image as a button that shows it large. What cannot be loaded has a button to try again in its place.
#[component]
fn Picture(file: Attachment, on_view: Callback<AttachmentId>) -> impl IntoView {
    let (width, height) = (file.width.unwrap_or(1), file.height.unwrap_or(1));
    let moves = !browser::matches("(prefers-reduced-motion: reduce)");
    let url = preview_url(&file, moves).to_owned();
    let (id, words) = (file.id, description(&file).to_owned());
    let is_lost = RwSignal::new(false);
    load_again(is_lost);
    let picture = move || match is_lost.get() {
        true => view! {
            <Icon name="alert" />
            <span>"This image cannot be loaded."</span>
            <span class="button small">"Try again"</span>
        }
        .into_any(),
        false => view! {
            <img
                src=url.clone()
                alt=words.clone()
                width=width
                height=height
                loading="lazy"
                decoding="async"
                on:error=move |_| is_lost.set(true)
            />
        }
        .into_any(),
    };
    view! {
        <button
            type="button"
            class="thumbnail"
            class:small=width.max(height) < SMALLEST_PIXELS
            class:lost=move || is_lost.get()
            style=("--width", width.to_string())
            style=("--height", height.to_string())
            on:click=move |_| if is_lost.get_untracked() { is_lost.set(false) } else { on_view.run(id) }
        >
            {move || picture()}
        </button>
    }
}

/// What could not be loaded is loaded again when the connection is back.
pub fn load_again(is_lost: RwSignal<bool>) {
    let state = expect_context::<State>();
    let is_open = memo(move || state.connection.with(|connection| connection.is_open()));
    effect(move || {
        if is_open.get() && is_lost.get_untracked() {
            is_lost.set(false);
        }
    });
}

/// A file with its name, its size and a link to download it, below its player if it has one.
fn card(file: Attachment) -> AnyView {
    let kind = FileKind::of(&file);
    let Attachment { filename, url, size, .. } = file;
    let label = format!("{}: {filename}", kind.word());
    let player = match kind {
        FileKind::Audio => {
            Some(view! { <audio controls preload="metadata" src=url.clone() aria-label=label /> }.into_any())
        }
        FileKind::Video => Some(
            view! { <video controls preload="metadata" playsinline src=url.clone() aria-label=label /> }
                .into_any(),
        ),
        FileKind::Image | FileKind::Other => None,
    };
    view! {
        <div class="file">
            {player}
            <a class="file-link" href=url download=filename.clone()>
                <Icon name="file" />
                {file_name(&filename)}
                <span class="file-size">{size_text(size)}</span>
            </a>
        </div>
    }
    .into_any()
}
