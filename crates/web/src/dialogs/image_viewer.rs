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
use crate::state::State;
use crate::state::files::{description, images, size_text};
use crate::state::shortcuts::{Command, Place};

/// The viewer. It closes when the message is deleted or the room is lost.
#[component]
pub fn ImageViewer() -> impl IntoView {
    let state = expect_context::<State>();
    let viewed = expect_context::<Overlays>().viewed;
    let open = RwSignal::new(false);
    let files = memo(move || viewed.get().map(|viewed| images_of(state, viewed)).unwrap_or_default());
    let place = memo(move || {
        let id = viewed.get()?.file;
        files.with(|files| files.iter().position(|file| file.id == id))
    });
    effect(move || {
        let is_there = place.get().is_some();
        if open.get_untracked() != is_there {
            open.set(is_there);
        }
        if !is_there && viewed.get_untracked().is_some() {
            viewed.set(None);
        }
    });
    effect(move || {
        if !open.get() && viewed.get_untracked().is_some() {
            viewed.set(None);
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
    let beside = move |step: isize| {
        let place = place.get()?.checked_add_signed(step)?;
        files.with(|files| files.get(place).map(|file| file.id))
    };
    let go = move |step: isize| {
        if let Some(file) = untrack(|| beside(step)) {
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
    let counter = move || {
        let count = files.with(Vec::len);
        place.get().filter(|_| count > 1).map(|place| format!("{} of {count}", place + 1))
    };
    let step = move |step: isize, label: &'static str, icon: &'static str, class: &'static str| {
        view! {
            <Show when=move || beside(step).is_some()>
                <IconButton label=label icon=icon class=class on_press=move |()| go(step) />
            </Show>
        }
    };
    view! {
        <Modal open=open label=label class="viewer">
            <div class="viewer-frame" on:keydown=on_keydown>
                <div class="viewer-head">
                    {move || image.get().map(head)}
                    <span class="viewer-count">{move || counter()}</span>
                    <IconButton label="Close" icon="close" on_press=move |()| open.set(false) />
                </div>
                <div class="viewer-place" class:zoomed=move || is_zoomed.get()>
                    {move || image.get().map(|image| view! { <FullImage image=image is_zoomed=is_zoomed /> })}
                </div>
                {step(-1, "Previous image", "left", "icon-button viewer-previous")}
                {step(1, "Next image", "right", "icon-button viewer-next")}
                <p class="viewer-alt" dir="auto">
                    {move || image.get().and_then(|image| image.alt).map(|alt| alt.as_str().to_owned())}
                </p>
            </div>
        </Modal>
    }
}

/// The images of the message, as they are now: also of one that is not sent yet.
fn images_of(state: State, viewed: Viewed) -> Vec<Attachment> {
    let Viewed { room_id, message, .. } = viewed;
    let sent = state.timeline(room_id, |timeline| Some(images(&timeline?.get(message)?.attachments)));
    let unsent = || state.outbox.with(|outbox| outbox.get(message).map(|entry| images(&entry.attachments)));
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
fn FullImage(image: Attachment, is_zoomed: RwSignal<bool>) -> impl IntoView {
    let is_lost = RwSignal::new(false);
    let (url, words) = (image.url.clone(), description(&image).to_owned());
    let (width, height) = (image.width.unwrap_or(1), image.height.unwrap_or(1));
    move || match is_lost.get() {
        true => view! { <p class="viewer-lost">"This image is not available any more."</p> }.into_any(),
        false => view! {
            <button
                type="button"
                class="viewer-image"
                style=("--width", width.to_string())
                style=("--height", height.to_string())
                aria-pressed=move || is_zoomed.get().to_string()
                aria-label=format!("{words}: show at full size")
                on:click=move |_| is_zoomed.update(|zoomed| *zoomed = !*zoomed)
            >
                <img src=url.clone() alt="" width=width height=height on:error=move |_| is_lost.set(true) />
            </button>
        }
        .into_any(),
    }
}
