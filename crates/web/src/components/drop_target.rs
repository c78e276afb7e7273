//! Where files are dropped: over the whole room, while something is dragged there.

use leptos::prelude::*;
use web_sys::{DragEvent, File};

use crate::browser::files_in;
use crate::components::icon::Icon;

/// Whether files are dragged, and not text or a link.
pub fn has_files(event: &DragEvent) -> bool {
    event.data_transfer().is_some_and(|data| data.types().includes(&"Files".into(), 0))
}

/// Covers the room while files are dragged over it. Where they cannot be dropped it says so; without it, the browser would
/// leave the page to show the file.
#[component]
pub fn DropTarget(
    /// Whether files are over the room.
    is_over: RwSignal<bool>,
    /// The room's name.
    room_name: Memo<String>,
    /// Whether the user may upload files here.
    may_drop: Memo<bool>,
    /// Called with the files.
    on_files: Callback<Vec<File>>,
) -> impl IntoView {
    let words = move || match may_drop.get() {
        true => format!("Drop files here to attach them to your message in {}", room_name.get()),
        false => "You cannot upload files here at the moment".to_owned(),
    };
    let on_drop = move |event: DragEvent| {
        event.prevent_default();
        is_over.set(false);
        on_files.run(files_in(event.data_transfer().and_then(|data| data.files())));
    };
    view! {
        <Show when=move || is_over.get()>
            <div
                class="drop-target"
                on:dragover=move |event| event.prevent_default()
                on:dragleave=move |_| is_over.set(false)
                on:drop=on_drop
            >
                <p dir="auto">
                    <Icon name="clip" />
                    {move || words()}
                </p>
            </div>
        </Show>
    }
}
