//! Reads picture files and cuts squares out of them.

use futures_channel::oneshot;
use js_sys::futures::JsFuture;
use leptos::prelude::window;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    Blob, CanvasRenderingContext2d, DataTransfer, HtmlCanvasElement, HtmlImageElement, ImageBitmap,
    ImageBitmapOptions, ResizeQuality, Url,
};

use crate::browser::document;
use crate::state::crop::Crop;

/// A picture whose shorter side is longer than this is reduced while it is read, so that handling it stays quick.
const MOST_PIXELS: u32 = 2_048;
/// The quality of the result, from 0 to 1.
const QUALITY: f64 = 0.9;

/// Reads a picture, off the main thread; `None` if the browser cannot.
pub async fn read(file: &Blob) -> Option<ImageBitmap> {
    let url = Url::create_object_url_with_blob(file).ok()?;
    let size = measure(&url).await;
    // Only refused for what is no URL.
    let _ = Url::revoke_object_url(&url);
    let (width, height) = size?;
    let options = ImageBitmapOptions::new();
    let shorter = width.min(height);
    if shorter > MOST_PIXELS {
        let reduced = |side: u32| {
            u32::try_from(u64::from(side) * u64::from(MOST_PIXELS) / u64::from(shorter))
                .unwrap_or(MOST_PIXELS)
        };
        options.set_resize_width(reduced(width));
        options.set_resize_height(reduced(height));
        options.set_resize_quality(ResizeQuality::High);
    }
    let reading = window().create_image_bitmap_with_blob_and_image_bitmap_options(file, &options).ok()?;
    JsFuture::from(reading).await.ok()?.dyn_into().ok()
}

/// The size of a picture as it is shown, which its orientation may have turned.
async fn measure(url: &str) -> Option<(u32, u32)> {
    let image = HtmlImageElement::new().ok()?;
    image.set_src(url);
    JsFuture::from(image.decode()).await.ok()?;
    // A drawing may have none.
    Some((image.natural_width(), image.natural_height())).filter(|(width, height)| *width > 0 && *height > 0)
}

/// Draws a square part of a picture over a whole canvas. What is transparent becomes white, so that nothing is seen through
/// an avatar.
pub fn draw(canvas: &HtmlCanvasElement, picture: &ImageBitmap, crop: &Crop) {
    let context = canvas.get_context("2d").ok().flatten();
    let Some(context) = context.and_then(|it| it.dyn_into::<CanvasRenderingContext2d>().ok()) else { return };
    let (side, (x, y)) = (crop.side(), crop.corner());
    let (width, height) = (f64::from(canvas.width()), f64::from(canvas.height()));
    context.set_fill_style_str("white");
    context.fill_rect(0.0, 0.0, width, height);
    // Only refused for a picture that is gone.
    let _ = context.draw_image_with_image_bitmap_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
        picture, x, y, side, side, 0.0, 0.0, width, height,
    );
}

/// The square part as a file; `None` if the browser has no memory for it.
pub async fn cut_out(picture: &ImageBitmap, crop: &Crop) -> Option<Blob> {
    let canvas = document().create_element("canvas").ok()?.dyn_into::<HtmlCanvasElement>().ok()?;
    canvas.set_width(crop.pixels());
    canvas.set_height(crop.pixels());
    draw(&canvas, picture, crop);
    let (done, file) = oneshot::channel();
    let done = Closure::once_into_js(move |file: JsValue| drop(done.send(file.dyn_into::<Blob>().ok())));
    // Browsers that cannot write WebP write PNG.
    canvas
        .to_blob_with_type_and_encoder_options(
            done.unchecked_ref(),
            "image/webp",
            &JsValue::from_f64(QUALITY),
        )
        .ok()?;
    file.await.ok().flatten()
}

/// The first file of what was dropped or pasted.
pub fn first_file(data: Option<DataTransfer>) -> Option<Blob> {
    Some(data?.files()?.get(0)?.into())
}
