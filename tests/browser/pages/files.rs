//! Files: those of a draft, those of messages, and an image on the whole screen.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Person, RoomPage};

/// A file on the disk of a person.
#[derive(Clone, Debug, Serialize)]
pub struct TestFile {
    /// What it is called.
    pub name: String,
    /// What the browser takes it for.
    pub content_type: String,
    /// What it says; nothing for an image.
    pub text: String,
    /// The sides of an image; zero for another file.
    pub sides: (u32, u32),
}

impl TestFile {
    /// A text.
    pub fn text(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            content_type: "text/plain".to_owned(),
            text: text.to_owned(),
            sides: (0, 0),
        }
    }

    /// A second of silence.
    pub fn sound(name: &str) -> Self {
        let head = "RIFF\u{64}\u{1f}\0\0WAVEfmt \u{10}\0\0\0\u{1}\0\u{1}\0\u{40}\u{1f}\0\0\u{40}\u{1f}\0\0\u{1}\0\u{8}\0data\u{40}\u{1f}\0\0";
        let text = format!("{head}{}", "@".repeat(8_000));
        Self { content_type: "audio/wav".to_owned(), ..Self::text(name, &text) }
    }

    /// A PNG with a pattern of colours.
    pub fn image(name: &str, width: u32, height: u32) -> Self {
        let (name, content_type) = (name.to_owned(), "image/png".to_owned());
        Self { name, content_type, text: String::new(), sides: (width, height) }
    }
}

/// A file of a draft.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct DraftFile {
    /// What it is called.
    pub name: String,
    /// Its size, and how the upload gets on.
    pub note: String,
    /// Why it cannot be uploaded.
    pub error: String,
    /// Whether the server has it.
    pub is_stored: bool,
    /// Whether it shows a picture.
    pub has_picture: bool,
}

/// An image of a message in the list.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub struct Place {
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
    /// How far below the window's upper edge it begins.
    pub top: f64,
    /// Whether it is loaded.
    pub is_loaded: bool,
}

/// Makes the browser's files out of the given ones, and then does something with them: `data` holds them.
const WITH_FILES: &str = "const done = arguments[arguments.length - 1], [files, text] = GIVEN;
    const draw = async ({ name, content_type, sides: [width, height], text }) => {
        if (!width) return new File([text], name, { type: content_type });
        const canvas = new OffscreenCanvas(width, height), pen = canvas.getContext('2d');
        for (let at = 0; at < 24; at += 1) {
            pen.fillStyle = `hsl(${at * 15} 60% ${35 + at}%)`;
            pen.fillRect(at * width / 24, 0, width, height * (24 - at) / 24);
        }
        return new File([await canvas.convertToBlob({ type: content_type })], name, { type: content_type });
    };
    Promise.all(files.map(draw)).then(files => {
        const data = new DataTransfer();
        files.forEach(file => data.items.add(file));
        if (text) data.setData('text/plain', text);
        ACT;
        done(null);
    })";

impl RoomPage<'_> {
    #[track_caller]
    fn with_files(&self, files: &[TestFile], text: &str, act: &str) {
        let given = json!([files, text]).to_string();
        self.0.eval_async::<()>(&WITH_FILES.replace("GIVEN", &given).replace("ACT", act));
    }

    /// Chooses files in the dialog that the button opens.
    #[track_caller]
    pub fn choose_files(&self, files: &[TestFile]) {
        let act = "const field = document.querySelector('.composer input[type=file]');
            field.files = data.files;
            field.dispatchEvent(new Event('change', { bubbles: true }))";
        self.with_files(files, "", act);
    }

    /// Pastes files into the composer, with text beside them.
    #[track_caller]
    pub fn paste(&self, files: &[TestFile], text: &str) {
        let act = "const field = document.querySelector('#composer');
            const paste = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
            // A browser pastes text itself, but not for such an event.
            if (field.dispatchEvent(paste) && text) {
                field.setRangeText(text);
                field.dispatchEvent(new InputEvent('input', { bubbles: true }));
            }";
        self.with_files(files, text, act);
    }

    /// Drags files over the messages.
    #[track_caller]
    pub fn drag_over(&self, files: &[TestFile]) {
        self.drag_onto(".log", files);
    }

    /// Drags files over the messages of the open thread.
    #[track_caller]
    pub fn drag_over_thread(&self, files: &[TestFile]) {
        self.drag_onto("#thread .log", files);
    }

    #[track_caller]
    fn drag_onto(&self, selector: &str, files: &[TestFile]) {
        let act = "const enter = new DragEvent('dragenter', { dataTransfer: data, bubbles: true, cancelable: true });
            document.querySelector('SELECTOR').dispatchEvent(enter)";
        self.with_files(files, "", &act.replace("SELECTOR", selector));
    }

    /// What is said where they can be dropped; nothing while nothing is dragged.
    #[track_caller]
    pub fn drop_words(&self) -> String {
        self.0.eval("return document.querySelector('.drop-target')?.textContent.trim() ?? ''")
    }

    /// Drops them there.
    #[track_caller]
    pub fn drop_files(&self, files: &[TestFile]) {
        let act =
            "const drop = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
            document.querySelector('.drop-target').dispatchEvent(drop)";
        self.with_files(files, "", act);
    }

    /// Whether there is the button to choose files.
    #[track_caller]
    pub fn offers_files(&self) -> bool {
        self.0.eval("return !!document.querySelector(\"button[aria-label='Attach files']\")")
    }

    /// Whether files can be chosen at once, because what takes them is loaded.
    #[track_caller]
    pub fn can_attach(&self) -> bool {
        self.offers_files() && self.0.eval("return !!document.querySelector('.composer input[type=file]')")
    }

    /// Presses the button to choose files. The browser's dialog does not open from then on, but is counted.
    #[track_caller]
    pub fn press_attach(&self) {
        self.0.eval::<()>(
            "window.chosen ??= (HTMLInputElement.prototype.click = () => { chosen += 1 }, 0);
            document.querySelector(\"button[aria-label='Attach files']\").click()",
        );
    }

    /// How often the browser's dialog to choose files was opened by it.
    #[track_caller]
    pub fn times_chosen(&self) -> u32 {
        self.0.eval("return window.chosen")
    }

    /// Drops files onto what a selector finds. Returns whether the browser would leave the page for them.
    #[track_caller]
    pub fn drop_onto(&self, selector: &str, files: &[TestFile]) -> bool {
        let act = "const at = document.querySelector('SELECTOR');
            const events = ['dragover', 'drop'].map(type =>
                new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
            window.leaves = events.map(event => at.dispatchEvent(event)).includes(true)";
        self.with_files(files, "", &act.replace("SELECTOR", selector));
        self.0.eval("return window.leaves")
    }

    /// Whether the browser asks before it leaves the page.
    #[track_caller]
    pub fn is_guarded(&self) -> bool {
        self.0.eval("return !dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    }

    /// The files of the draft.
    #[track_caller]
    pub fn draft_files(&self) -> Vec<DraftFile> {
        self.0.eval(
            "return [...document.querySelectorAll('.draft-file')].map(file => ({
                name: file.querySelector('.file-name').textContent,
                note: file.querySelector('.file-size').textContent,
                error: file.querySelector('.field-error').textContent,
                is_stored: file.dataset.stored === 'true',
                has_picture: (file.querySelector('img')?.naturalWidth ?? 0) > 0,
            }))",
        )
    }

    /// The names of the files of the draft within what a selector finds.
    #[track_caller]
    pub fn draft_files_in(&self, selector: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll('SELECTOR .draft-file .file-name')].map(name => name.textContent)";
        self.0.eval(&script.replace("SELECTOR", selector))
    }

    /// How many of them the server has.
    #[track_caller]
    pub fn stored_files(&self) -> usize {
        self.draft_files().iter().filter(|file| file.is_stored).count()
    }

    /// What is said about them as a whole.
    #[track_caller]
    pub fn draft_files_note(&self) -> String {
        self.0.eval("return document.querySelector('.draft-files-note')?.textContent ?? ''")
    }

    /// Whether the message is sent when they are uploaded.
    #[track_caller]
    pub fn sends_later(&self) -> bool {
        self.0.eval(
            "return document.querySelector('.composer-wait').textContent.startsWith('The message will be sent when')",
        )
    }

    /// Presses the button of this name beside a file of the draft.
    #[track_caller]
    pub fn press_beside_file(&self, button: &str) {
        self.0.click(format!(".draft-file button[aria-label='{button}']").as_str());
    }

    /// The buttons beside the files of the draft.
    #[track_caller]
    pub fn buttons_beside_files(&self) -> Vec<String> {
        self.0.eval(
            "return [...document.querySelectorAll('.draft-file button')].map(button => button.ariaLabel)",
        )
    }

    /// Says what the only image of the draft shows.
    #[track_caller]
    pub fn describe_image(&self, words: &str) {
        self.0.write(".draft-file input", words);
    }

    /// The files of the messages, in words: the kind and the name of each, those of one message together.
    #[track_caller]
    pub fn message_files(&self) -> Vec<Vec<String>> {
        self.0.eval(
            "const words = file => file.matches('img') ? `image ${file.alt}`
                : file.matches('.lost') ? 'lost image'
                : `${file.querySelector('audio, video')?.localName ?? 'file'} ${file.querySelector('.file-name').textContent}`
                    + ` ${file.querySelector('.file-size').textContent}`;
            return [...document.querySelectorAll('.log li.message')].map(row =>
                [...row.querySelectorAll('.thumbnail img, .thumbnail.lost, .file')].map(words))",
        )
    }

    /// The places of the images of all messages, as they are painted.
    #[track_caller]
    pub fn image_places(&self) -> Vec<Place> {
        self.0.eval_as_painted(
            "return [...document.querySelectorAll('.thumbnail img')].map(image => {
                const { width, height, top } = image.getBoundingClientRect();
                return { width, height, top, is_loaded: image.complete && image.naturalWidth > 0 };
            })",
            json!(null),
        )
    }

    /// Presses an image, or what is in its place.
    #[track_caller]
    pub fn press_image(&self) {
        self.0.click(".thumbnail");
    }

    /// Takes a file out of the message that is being edited.
    #[track_caller]
    pub fn remove_in_editor(&self, name: &str) {
        self.0.click(format!(".editor button[aria-label='Remove {name}']").as_str());
    }

    /// Says what an image shows, in the message that is being edited.
    #[track_caller]
    pub fn describe_in_editor(&self, words: &str) {
        self.0.rewrite(".editor-files input", words);
    }

    /// What stands there about it.
    #[track_caller]
    pub fn described_in_editor(&self) -> String {
        self.0.eval("return document.querySelector('.editor-files input')?.value ?? ''")
    }

    /// Whether all of the editor is on the screen, above the composer.
    #[track_caller]
    pub fn editor_is_in_view(&self) -> bool {
        self.0.eval(
            "const place = selector => document.querySelector(selector)?.getBoundingClientRect();
            const editor = place('.editor'), log = place('.log');
            return !!editor && editor.top >= log.top - 1 && editor.bottom <= log.bottom + 1",
        )
    }

    /// Saves the edit.
    #[track_caller]
    pub fn save_edit(&self) {
        self.0.click(".editor [type=submit]");
    }

    /// Downloads a file of a message.
    #[track_caller]
    pub fn download(&self, name: &str) {
        self.0.click((".file-link .file-name", name));
    }
}

/// What the viewer shows.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Viewed {
    /// The name of the file.
    pub name: String,
    /// Which of how many it is; nothing when it is the only one.
    pub count: String,
    /// What the image shows, in words.
    pub alt: String,
}

impl Person<'_> {
    /// What the viewer shows, if it is open and the image is loaded.
    #[track_caller]
    pub fn viewed(&self) -> Option<Viewed> {
        self.chrome.eval(
            "const viewer = document.querySelector('.viewer[open]');
            if (!(viewer?.querySelector('img')?.naturalWidth > 0)) return null;
            const text = part => viewer.querySelector(part).textContent.trim();
            return { name: text('.viewer-name'), count: text('.viewer-count'), alt: text('.viewer-alt') }",
        )
    }

    /// The edges of the image in the viewer: left, top, right, bottom.
    #[track_caller]
    pub fn viewed_edges(&self) -> [f64; 4] {
        // The viewer slides into its place.
        self.let_it_settle();
        self.chrome.eval_as_painted(
            "const { left, top, right, bottom } = document.querySelector('.viewer img').getBoundingClientRect();
            return [left, top, right, bottom]",
            json!(null),
        )
    }

    /// How far the image in the viewer can be scrolled: to the right and down.
    #[track_caller]
    pub fn viewed_beyond(&self) -> [f64; 2] {
        self.chrome.eval_as_painted(
            "const place = document.querySelector('.viewer-place');
            return [place.scrollWidth - place.clientWidth, place.scrollHeight - place.clientHeight]",
            json!(null),
        )
    }

    /// How wide the image is in the viewer.
    #[track_caller]
    pub fn viewed_width(&self) -> f64 {
        self.chrome.eval("return document.querySelector('.viewer img')?.getBoundingClientRect().width ?? 0")
    }
}
