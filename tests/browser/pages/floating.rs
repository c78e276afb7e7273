//! What floats above the page: dialogs and notices.

use thirtyfour::prelude::Key;

use crate::chrome::Chrome;

/// A dialog.
pub struct Dialog<'a>(pub(super) &'a Chrome);

impl Dialog<'_> {
    /// Its title, or nothing when there is none.
    #[track_caller]
    pub fn title(&self) -> String {
        self.0
            .eval("return [...document.querySelectorAll('dialog[open] h2')].at(-1)?.textContent.trim() ?? ''")
    }

    /// All that it says.
    #[track_caller]
    pub fn text(&self) -> String {
        self.0.eval("return [...document.querySelectorAll('dialog[open]')].at(-1)?.innerText ?? ''")
    }

    /// Presses one of its buttons.
    #[track_caller]
    pub fn press(&self, button: &str) {
        self.0.click(("dialog[open] button", button));
    }

    /// Says yes to a question: presses the button that does what cannot be undone.
    #[track_caller]
    pub fn confirm(&self, button: &str) {
        self.0.click(("dialog[open] .dialog-actions .danger", button));
    }

    /// Whether there is one.
    #[track_caller]
    pub fn is_open(&self) -> bool {
        self.0.eval("return !!document.querySelector('dialog[open]')")
    }

    /// Closes it by Escape.
    #[track_caller]
    pub fn close(&self) {
        self.0.press(Key::Escape);
    }

    /// Picks one of several choices.
    #[track_caller]
    pub fn choose(&self, label: &str) {
        self.0.click(("dialog[open] label", label));
    }

    /// Opens one of its sections.
    #[track_caller]
    pub fn open_section(&self, name: &str) {
        self.0.click(("dialog[open] #sections button", name));
    }

    /// The names of its sections.
    #[track_caller]
    pub fn sections(&self) -> Vec<String> {
        self.0.eval("return [...document.querySelectorAll('dialog[open] #sections button')].map(button => button.textContent)")
    }

    /// The section that is shown; nothing while the list of sections has its place.
    #[track_caller]
    pub fn section(&self) -> String {
        self.0.eval(
            "const title = document.querySelector('dialog[open] #section-title');
            return title?.checkVisibility() ? title.textContent : ''",
        )
    }

    /// Fills its only field and confirms.
    #[track_caller]
    pub fn answer(&self, text: &str) {
        self.0.write("dialog[open] input", text);
        self.0.press(Key::Enter);
    }

    /// The rooms that a search has found, or what it says when there are none.
    #[track_caller]
    pub fn search_result(&self) -> String {
        self.0
            .eval("return document.querySelector('#switcher-options')?.parentElement.innerText.trim() ?? ''")
    }

    /// What is wrong with what the field holds.
    #[track_caller]
    pub fn error(&self) -> String {
        self.0.eval("return document.querySelector('dialog[open] .field-error')?.textContent ?? ''")
    }
}

/// The notices at the top right.
pub struct Toasts<'a>(pub(super) &'a Chrome);

impl Toasts<'_> {
    /// What they say. Only what is announced to screen readers counts.
    #[track_caller]
    pub fn texts(&self) -> Vec<String> {
        self.0.eval(
            "return [...document.querySelectorAll('.toast[role=alert]')].map(toast => toast.textContent)",
        )
    }

    /// What all have said since the page was loaded: good news goes by itself, maybe while nobody looks.
    #[track_caller]
    pub fn all_texts(&self) -> Vec<String> {
        self.0.eval("return window.toasts")
    }

    /// Where the first one stands: how far from the upper and from the right edge.
    #[track_caller]
    pub fn distance_from_corner(&self) -> (f64, f64) {
        self.0.eval(
            "const place = document.querySelector('.toast').getBoundingClientRect();
            return [place.top, innerWidth - place.right]",
        )
    }

    /// Sends one away by its button.
    #[track_caller]
    pub fn dismiss(&self) {
        self.0.click(".toast button");
    }

    /// Clicks on the words of one.
    #[track_caller]
    pub fn click(&self) {
        self.0.click(".toast span");
    }

    /// Keeps the pointer on them, so that they stay.
    #[track_caller]
    pub fn hold(&self) {
        self.0.hover(".toast");
    }
}
