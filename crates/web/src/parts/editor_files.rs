//! The files of a message that is being edited.

use leptos::prelude::*;
use shared::files::Attachment;

/// The files that stay, each with a button that takes it away.
#[component]
pub fn EditorFiles(
    /// The files.
    kept: RwSignal<Vec<Attachment>>,
) -> impl IntoView {
    let draw = move |file: Attachment| {
        let Attachment { id, filename, .. } = file;
        view! {
            <li>
                <bdi class="file-name">{filename.clone()}</bdi>
                <button
                    type="button"
                    class="button small"
                    aria-label=format!("Remove {filename}")
                    on:click=move |_| kept.update(|kept| kept.retain(|file| file.id != id))
                >
                    "Remove"
                </button>
            </li>
        }
    };
    view! {
        <ul class="editor-files" aria-label="Files">
            {move || kept.get().into_iter().map(draw).collect_view()}
        </ul>
    }
}
