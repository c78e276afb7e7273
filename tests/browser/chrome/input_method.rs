//! Typing with an input method, as for Japanese.

use serde_json::json;

use super::Chrome;

/// When the page hears of the Enter that completes a text.
#[derive(Clone, Copy, Debug)]
pub enum Enter {
    /// While the text is being composed, as in most browsers.
    During,
    /// Right after, as in Safari.
    After,
}

/// What browsers report for a key that belongs to an input method.
const COMPOSING_KEY_CODE: u32 = 229;
const ENTER_KEY_CODE: u32 = 13;

impl Chrome {
    /// Composes in the field that has the focus. The text is there, but not complete.
    #[track_caller]
    pub fn compose(&self, reading: &str) {
        let end = reading.encode_utf16().count();
        self.cdp(
            "Input.imeSetComposition",
            json!({ "text": reading, "selectionStart": end, "selectionEnd": end }),
        );
    }

    /// Completes it by Enter, which turns it into this text.
    #[track_caller]
    pub fn complete(&self, text: &str, enter: Enter) {
        let press = |code: u32| {
            for kind in ["rawKeyDown", "keyUp"] {
                self.cdp(
                    "Input.dispatchKeyEvent",
                    json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": code }),
                );
            }
        };
        if let Enter::During = enter {
            // Chrome itself says that something is being composed.
            press(ENTER_KEY_CODE);
        }
        self.cdp("Input.insertText", json!({ "text": text }));
        if let Enter::After = enter {
            press(COMPOSING_KEY_CODE);
        }
        self.let_it_paint();
    }
}
