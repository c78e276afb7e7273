//! The place of a message's files until what draws them is loaded.

use leptos::prelude::*;
use shared::files::Attachment;

use crate::state::files::{FileKind, columns, images};

/// Empty boxes, as large as the files will be.
#[component]
pub fn FilesPlace(
    /// The files.
    files: Vec<Attachment>,
) -> impl IntoView {
    let images = images(&files);
    let columns = columns(images.len());
    let boxes = images.into_iter().map(|file| {
        let side = |side: Option<u32>| side.unwrap_or(1).to_string();
        view! {
            <div class="picture" style=("--width", side(file.width)) style=("--height", side(file.height))></div>
        }
        .into_any()
    });
    let others = files.iter().filter_map(|file| match FileKind::of(file) {
        FileKind::Image => None,
        FileKind::Audio => Some("file-place audio"),
        FileKind::Video => Some("file-place video"),
        FileKind::Other => Some("file-place"),
    });
    let others = others.map(|class| view! { <div class=class></div> }.into_any());
    view! {
        <div class="files" aria-hidden="true">
            <div class=format!("images of-{columns}")>{boxes.collect_view()}</div>
            {others.collect_view()}
        </div>
    }
}
