//! The pictures of people and rooms, and the editor that crops them.

use serde_json::json;

use super::Person;

/// A picture file whose left half is red and whose right half is blue, dropped or chosen.
const PAINT: &str = "const [width, height] = arguments[0], done = arguments[arguments.length - 1];
    const canvas = new OffscreenCanvas(width, height), context = canvas.getContext('2d');
    context.fillStyle = '#f00';
    context.fillRect(0, 0, width / 2, height);
    context.fillStyle = '#00f';
    context.fillRect(width / 2, 0, width / 2, height);";

/// The images that are seen: those that have loaded.
const SEEN: &str = "const seen = place => [...place?.querySelectorAll('img.picture') ?? []]
    .filter(image => image.complete && image.naturalWidth > 0);";

impl Person<'_> {
    /// Chooses a picture of this size in the open dialog. Its left half is red, its right half blue.
    #[track_caller]
    pub fn choose_picture(&self, width: u32, height: u32) {
        self.hand_over(
            &format!("{PAINT} const type = 'image/png', name = 'halves.png', blob = canvas.convertToBlob();"),
            width,
            height,
        );
    }

    /// Chooses a text that is called a picture.
    #[track_caller]
    pub fn choose_text(&self) {
        self.hand_over("const done = arguments[arguments.length - 1], type = 'image/png', name = 'words.png', blob = new Blob(['words']);", 0, 0);
    }

    #[track_caller]
    fn hand_over(&self, make: &str, width: u32, height: u32) {
        let script = format!(
            "{make}
            Promise.resolve(blob).then(blob => {{
                const files = new DataTransfer(), field = document.querySelector('dialog[open] input[type=file]');
                files.items.add(new File([blob], name, {{ type }}));
                field.files = files.files;
                field.dispatchEvent(new Event('change', {{ bubbles: true }}));
                done(null);
            }})"
        );
        self.chrome.eval_async_with::<()>(&script, json!([width, height]));
    }

    /// Pastes a picture of this size into the open dialog.
    #[track_caller]
    pub fn paste_picture(&self, width: u32, height: u32) {
        let script = format!(
            "{PAINT}
            canvas.convertToBlob().then(blob => {{
                const clipboardData = new DataTransfer();
                clipboardData.items.add(new File([blob], 'halves.png', {{ type: 'image/png' }}));
                const paste = new ClipboardEvent('paste', {{ clipboardData, bubbles: true, cancelable: true }});
                document.querySelector('dialog[open]').dispatchEvent(paste);
                done(null);
            }})"
        );
        self.chrome.eval_async_with::<()>(&script, json!([width, height]));
    }

    /// Whether a picture is being cropped.
    #[track_caller]
    pub fn is_cropping(&self) -> bool {
        self.chrome.eval("return !!document.querySelector('#crop')")
    }

    /// What is seen of the picture that is being cropped: its colour at the left and at the right edge.
    #[track_caller]
    pub fn cropped_edges(&self) -> (String, String) {
        self.chrome.eval(
            "const crop = document.querySelector('#crop'), canvas = new OffscreenCanvas(64, 64);
            const context = canvas.getContext('2d', { willReadFrequently: true });
            context.drawImage(crop, 0, 0, 64, 64);
            const colour = x => {
                const [red, , blue] = context.getImageData(x, 32, 1, 1).data;
                return red > blue ? 'red' : 'blue';
            };
            return [colour(2), colour(61)]",
        )
    }

    /// How far it is enlarged, as screen readers hear it.
    #[track_caller]
    pub fn crop_zoom(&self) -> String {
        self.chrome.eval("return document.querySelector('#crop-zoom').getAttribute('aria-valuetext')")
    }

    /// The colours of the first picture in a place, at its left and at its right edge; nothing while none is seen.
    #[track_caller]
    pub fn picture_in(&self, place: &str) -> Option<(String, String)> {
        self.chrome.eval_with(
            &format!(
                "{SEEN}
                const image = seen(document.querySelector(arguments[0]))[0];
                if (!image) return null;
                const canvas = new OffscreenCanvas(64, 64), context = canvas.getContext('2d', {{ willReadFrequently: true }});
                context.drawImage(image, 0, 0, 64, 64);
                const colour = x => {{
                    const [red, , blue] = context.getImageData(x, 32, 1, 1).data;
                    return red > blue ? 'red' : 'blue';
                }};
                return [colour(4), colour(60)]"
            ),
            json!(place),
        )
    }

    /// How many pictures are seen in a place.
    #[track_caller]
    pub fn pictures_in(&self, place: &str) -> usize {
        self.chrome.eval_with(
            &format!("{SEEN} return [...document.querySelectorAll(arguments[0])].flatMap(seen).length"),
            json!(place),
        )
    }

    /// The buttons of the editor of pictures.
    #[track_caller]
    pub fn picture_buttons(&self) -> Vec<String> {
        self.chrome.eval(
            "return [...document.querySelectorAll('.avatar-editor button')].map(button => button.textContent)",
        )
    }
}
