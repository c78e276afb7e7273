//! An image of a message on the whole screen, and the others of the message beside it.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use shared::files::Attachment;

use crate::boxed::{effect, memo};
use crate::components::icon::Icon;
use crate::components::icon_button::IconButton;
use crate::components::keys;
use crate::components::modal::Modal;
use crate::overlays::{Overlays, Viewed};
use crate::parts::message_files::load_again;
use crate::state::State;
use crate::state::files::{description, images, size_text};
use crate::state::shortcuts::{Command, Place};

/// The viewer. It closes when the message is deleted or the room is lost.
#[component]
pub fn ImageViewer() -> impl IntoView {
    let state = expect_context::<State>();
    let Overlays { viewer: open, viewed, .. } = expect_context();
    let files = memo(move || viewed.get().map(|viewed| images_of(state, viewed)).unwrap_or_default());
    let place = memo(move || {
        let id = viewed.get()?.file;
        files.with(|files| files.iter().position(|file| file.id == id))
    });
    effect(move || {
        if place.get().is_none() && open.get() {
            open.set(false);
        }
    });
    let image = memo(move || files.with(|files| files.get(place.get()?).cloned()));
    let label = Signal::derive(move || {
        let name = image.with(|image| image.as_ref().map(|image| description(image).to_owned()));
        format!("Image: {}", name.unwrap_or_default())
    });
    // Whether it is shown with all its pixels, or as large as the screen.
    let is_zoomed = RwSignal::new(false);
    effect(move || {
        image.track();
        is_zoomed.set(false);
    });
    // The last image is followed by the first, so that no button vanishes under the focus.
    let go = move |step: isize| {
        let file = files.with_untracked(|files| {
            let (place, count) = (place.get_untracked()?, isize::try_from(files.len()).ok()?);
            let next = isize::try_from(place).ok()?.checked_add(step)?.checked_rem_euclid(count)?;
            files.get(usize::try_from(next).ok()?).map(|file| file.id)
        });
        if let Some(file) = file {
            viewed.update(|viewed| *viewed = viewed.map(|viewed| Viewed { file, ..viewed }));
        }
    };
    let on_keydown = move |event: KeyboardEvent| {
        match keys::command(Place::Viewer, &event) {
            // The arrows move a part of what is larger than the screen.
            Some(Command::PreviousImage) if !is_zoomed.get_untracked() => go(-1),
            Some(Command::NextImage) if !is_zoomed.get_untracked() => go(1),
            Some(Command::ZoomIn) => is_zoomed.set(true),
            Some(Command::ZoomOut) => is_zoomed.set(false),
            _ => return,
        }
        event.prevent_default();
    };
    let count = memo(move || files.with(Vec::len));
    let counter = move || {
        place.get().filter(|_| count.get() > 1).map(|place| format!("{} of {}", place + 1, count.get()))
    };
    let alt = move || image.with(|image| Some(image.as_ref()?.alt.as_ref()?.as_str().to_owned()));
    view! {
        <Modal open=open label=label class="viewer">
            <div class="viewer-frame" on:keydown=on_keydown>
                <div class="viewer-head">
                    {move || image.get().map(head)}
                    <span class="viewer-count">{move || counter()}</span>
                    <IconButton label="Close" icon="close" on_press=move |()| open.set(false) />
                </div>
                <FullImage image=image is_zoomed=is_zoomed />
                <Show when=move || { count.get() > 1 }>
                    <IconButton label="Previous image" icon="left" class="icon-button viewer-previous" on_press=move |()| go(-1) />
                    <IconButton label="Next image" icon="right" class="icon-button viewer-next" on_press=move |()| go(1) />
                </Show>
                <p class="viewer-alt" dir="auto">
                    {move || alt()}
                </p>
            </div>
        </Modal>
    }
}

/// The images of the message, as they are now: also of one that is not sent yet.
fn images_of(state: State, viewed: Viewed) -> Vec<Attachment> {
    let Viewed { room_id, message, .. } = viewed;
    let sent = state.timeline(room_id, |timeline| Some(images(&timeline?.get(message)?.attachments)));
    let unsent =
        || state.outbox.with(|outbox| outbox.get(message).map(|entry| images(&entry.words.attachments)));
    sent.or_else(unsent).unwrap_or_default()
}

/// The name and the size of the file, and how to get it.
fn head(image: Attachment) -> impl IntoView {
    let Attachment { filename, size, url, .. } = image;
    view! {
        <h2 class="viewer-name" dir="auto">
            {filename.clone()}
        </h2>
        <span class="file-size">{size_text(size)}</span>
        <a class="icon-button" href=url download=filename aria-label="Download" title="Download">
            <Icon name="down" />
        </a>
    }
}

/// The image itself. A click changes between all its pixels and the whole of it.
#[component]
fn FullImage(image: Memo<Option<Attachment>>, is_zoomed: RwSignal<bool>) -> impl IntoView {
    let is_lost = RwSignal::new(false);
    effect(move || {
        image.track();
        is_lost.set(false);
    });
    load_again(is_lost);
    let words = move || image.with(|image| image.as_ref().map(|image| description(image).to_owned()));
    let picture = move || {
        let file = image.get()?;
        let picture = view! {
            <img
                src=file.url
                alt=""
                width=file.width.unwrap_or(1)
                height=file.height.unwrap_or(1)
                on:error=move |_| is_lost.set(true)
            />
        };
        Some(picture)
    };
    view! {
        <div class="viewer-place" class:zoomed=move || is_zoomed.get()>
            <button
                type="button"
                class="viewer-image"
                autofocus=true
                aria-pressed=move || is_zoomed.get().to_string()
                aria-label=move || format!("{}: show all its pixels", words().unwrap_or_default())
                on:click=move |_| is_zoomed.update(|zoomed| *zoomed = !*zoomed)
            >
                <Show when=move || !is_lost.get() fallback=|| view! { <span>"This image cannot be loaded."</span> }>
                    {picture()}
                </Show>
            </button>
        </div>
    }
}
