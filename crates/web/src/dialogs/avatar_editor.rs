//! Chooses, crops and removes the picture of a person or a room.

use leptos::ev;
use leptos::html::{Canvas, Input};
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{Blob, HtmlElement, ImageBitmap, KeyboardEvent, PointerEvent, WheelEvent};

use crate::boxed::effect;
use crate::browser::{self, pictures};
use crate::components::form_frame::FormFrame;
use crate::dialogs::unsaved::Unsaved;
use crate::state::crop::{Crop, ZOOMS};
use crate::state::form_errors::{Errors, WHOLE};
use crate::submission::{Request, Submission};

/// The side of the canvas on which the picture is cropped, in its own pixels.
const STAGE_PIXELS: &str = "512";
/// The side of the preview: the size in which others see the picture.
const PREVIEW_PIXELS: &str = "64";
const UNREADABLE: &str = "This file cannot be shown as a picture. Choose a PNG, JPEG, GIF or WebP picture.";

/// What the editor does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Reading,
    Cropping,
}

/// What the parts of the editor share.
#[derive(Clone, Copy)]
struct Editor {
    stage: RwSignal<Stage>,
    picture: StoredValue<Option<ImageBitmap>, LocalStorage>,
    crop: RwSignal<Crop>,
    submission: Submission,
    on_save: Callback<Option<Blob>, Request>,
}

impl Editor {
    fn open(self, file: Blob) {
        if self.stage.get_untracked() == Stage::Reading || self.submission.busy.get_untracked() {
            return;
        }
        self.submission.reset();
        self.stage.set(Stage::Reading);
        spawn_local(async move {
            let picture = pictures::read(&file).await;
            match &picture {
                Some(picture) => {
                    self.crop.try_set(Crop::new(picture.width(), picture.height()));
                    focus("#crop");
                }
                None => self.refuse(),
            }
            let next = if picture.is_some() { Stage::Cropping } else { Stage::Idle };
            self.keep(picture);
            self.stage.try_set(next);
        });
    }

    fn refuse(self) {
        let mut errors = Errors::default();
        errors.add(WHOLE, UNREADABLE.to_owned());
        self.submission.refuse(errors);
    }

    fn save(self) {
        let Some(picture) = self.picture.get_value() else { return };
        let crop = self.crop.get_untracked();
        spawn_local(async move {
            match pictures::cut_out(&picture, &crop).await {
                Some(file) => self.send(Some(file)),
                None => self.refuse(),
            }
        });
    }

    fn send(self, file: Option<Blob>) {
        let request = self.on_save.run(file);
        self.submission.send(Box::pin(async move {
            request.await?;
            self.stop();
            Ok(())
        }));
    }

    fn stop(self) {
        self.stage.try_set(Stage::Idle);
        self.keep(None);
        focus("#avatar-choose");
    }

    /// Keeps a picture instead of the one before, whose memory is free at once.
    fn keep(self, picture: Option<ImageBitmap>) {
        let before = self.picture.try_update_value(|kept| std::mem::replace(kept, picture));
        if let Some(before) = before.flatten() {
            before.close();
        }
    }

    fn change(self, change: impl FnOnce(&mut Crop)) {
        self.crop.update(change);
    }
}

fn focus(selector: &'static str) {
    request_animation_frame(move || browser::focus(selector));
}

/// The current picture with buttons to replace and remove it. The cropper takes their place while it is open.
#[component]
pub fn AvatarEditor(
    /// Whose picture it is, for screen readers.
    label: &'static str,
    /// Draws the current picture. Reactive.
    #[prop(into)]
    draw: Callback<(), AnyView>,
    /// Whether there is a picture. Reactive.
    #[prop(into)]
    has_picture: Callback<(), bool>,
    /// The dialog's unsaved changes.
    unsaved: Unsaved,
    /// Saves a new picture, or removes it.
    on_save: Callback<Option<Blob>, Request>,
) -> impl IntoView {
    let editor = Editor {
        stage: RwSignal::new(Stage::Idle),
        picture: StoredValue::new_local(None),
        crop: RwSignal::default(),
        submission: Submission::default(),
        on_save,
    };
    unsaved.follow(move || editor.stage.get() == Stage::Cropping);
    let listeners = [
        window_event_listener(ev::paste, move |event| {
            if let Some(file) = pictures::first_file(event.clipboard_data()) {
                event.prevent_default();
                editor.open(file);
            }
        }),
        // Without this, the browser would leave the page for the file.
        window_event_listener(ev::dragover, |event| event.prevent_default()),
        window_event_listener(ev::drop, move |event| {
            event.prevent_default();
            if let Some(file) = pictures::first_file(event.data_transfer()) {
                editor.open(file);
            }
        }),
    ];
    on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    let content = move || {
        match editor.stage.get() {
        Stage::Cropping => view! { <Cropping editor=editor /> }.into_any(),
        stage => view! { <Choosing editor=editor is_reading=stage == Stage::Reading draw=draw has_picture=has_picture /> }
            .into_any(),
    }
    };
    view! {
        <div class="avatar-editor" role="group" aria-label=label>
            {move || content()}
        </div>
    }
}

#[component]
fn Choosing(
    editor: Editor,
    is_reading: bool,
    draw: Callback<(), AnyView>,
    has_picture: Callback<(), bool>,
) -> impl IntoView {
    let Submission { busy, errors, done } = editor.submission;
    let field = NodeRef::<Input>::new();
    let choose = move |_| {
        if let Some(field) = field.get_untracked() {
            field.click();
        }
    };
    let chosen = move |_| {
        let Some(field) = field.get_untracked() else { return };
        let file = field.files().and_then(|files| files.get(0));
        // So that the same file can be chosen again.
        field.set_value("");
        if let Some(file) = file {
            editor.open(file.into());
        }
    };
    let remove = move || {
        has_picture.run(()).then(|| {
            view! {
                <button type="button" class="button quiet" on:click=move |_| editor.send(None)>
                    "Remove"
                </button>
            }
        })
    };
    view! {
        <div class="avatar-choice" aria-busy=move || (is_reading || busy.get()).to_string()>
            {move || draw.run(())}
            <div>
                <div class="setting-action">
                    <button type="button" id="avatar-choose" class="button" on:click=choose>
                        {if is_reading { "Opening…" } else { "Choose a picture…" }}
                    </button>
                    {remove}
                    <span class="form-done" role="status">
                        {move || if done.get() { "Saved" } else { "" }}
                    </span>
                </div>
                <p class="form-hint">"You can also drop or paste a picture here."</p>
            </div>
            <input
                node_ref=field
                type="file"
                accept="image/*"
                hidden=true
                aria-hidden="true"
                tabindex="-1"
                on:change=chosen
            />
        </div>
        <p class="form-error" role="alert">
            {move || errors.with(|errors| errors.get(WHOLE).unwrap_or_default().to_owned())}
        </p>
    }
}

#[component]
fn Cropping(editor: Editor) -> impl IntoView {
    let Editor { crop, picture, submission, .. } = editor;
    let (stage, preview) = (NodeRef::<Canvas>::new(), NodeRef::<Canvas>::new());
    effect(move || {
        let crop = crop.get();
        picture.with_value(|picture| {
            for canvas in [stage.get(), preview.get()].into_iter().flatten() {
                if let Some(picture) = picture {
                    pictures::draw(&canvas, picture, &crop);
                }
            }
        });
    });
    // Where the pointer was that drags the picture.
    let dragged_from = StoredValue::new(None::<(i32, i32)>);
    let grab = move |event: PointerEvent| {
        // Only refused for a pointer that is gone.
        let _ = event_target::<HtmlElement>(&event).set_pointer_capture(event.pointer_id());
        dragged_from.set_value(Some((event.client_x(), event.client_y())));
    };
    let drag = move |event: PointerEvent| {
        let Some((x, y)) = dragged_from.get_value() else { return };
        let side = f64::from(event_target::<HtmlElement>(&event).client_width().max(1));
        let (right, down) = (f64::from(event.client_x() - x), f64::from(event.client_y() - y));
        dragged_from.set_value(Some((event.client_x(), event.client_y())));
        editor.change(|crop| crop.drag(right / side, down / side));
    };
    let release = move |_| dragged_from.set_value(None);
    let turn = move |event: WheelEvent| {
        event.prevent_default();
        editor.change(|crop| crop.zoom_by_step(event.delta_y() < 0.0));
    };
    let press = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let key = event.key();
        // Other keys notify nobody.
        let is_pressed = crop.try_maybe_update(|crop| {
            let is_pressed = crop.press(&key);
            (is_pressed, is_pressed)
        });
        if is_pressed == Some(true) {
            event.prevent_default();
        }
    };
    let percent = move || crop.with(Crop::zoom).to_string();
    let slide = move |event| {
        if let Ok(percent) = event_target_value(&event).parse() {
            editor.change(|crop| crop.zoom_to(percent));
        }
    };
    view! {
        <FormFrame
            action="Save picture"
            done=""
            class="button primary"
            submission=submission
            on_submit=Callback::new(move |()| editor.save())
            on_cancel=Some(
                Callback::new(move |()| {
                    submission.reset();
                    editor.stop();
                }),
            )
        >
            <div class="crop">
                <canvas
                    node_ref=stage
                    id="crop"
                    width=STAGE_PIXELS
                    height=STAGE_PIXELS
                    role="application"
                    aria-label="Part of the picture that is shown"
                    aria-describedby="crop-hint"
                    tabindex="0"
                    on:pointerdown=grab
                    on:pointermove=drag
                    on:pointerup=release
                    on:pointercancel=release
                    on:wheel=turn
                    on:keydown=press
                ></canvas>
                <div class="crop-side">
                    <canvas
                        node_ref=preview
                        class="crop-preview"
                        width=PREVIEW_PIXELS
                        height=PREVIEW_PIXELS
                        aria-hidden="true"
                    ></canvas>
                    <p class="form-hint">"As others see it"</p>
                </div>
            </div>
            <div class="form-field">
                <label for="crop-zoom">"Zoom"</label>
                <input
                    id="crop-zoom"
                    type="range"
                    min=ZOOMS.start().to_string()
                    max=ZOOMS.end().to_string()
                    step="5"
                    aria-valuetext=move || format!("{} %", percent())
                    prop:value=percent
                    on:input=slide
                />
                <p class="form-hint" id="crop-hint">
                    "Drag the picture to move it, or use the arrow keys. Zoom with the slider, the wheel, or + and −."
                </p>
            </div>
        </FormFrame>
    }
}
