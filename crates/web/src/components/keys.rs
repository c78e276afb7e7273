//! Connects key events to the table of shortcuts.

use web_sys::KeyboardEvent;

use crate::state::shortcuts::{self, ALT, CONTROL, Command, PLAIN, Place, SHIFT};

/// What the key event of an input method reports in browsers that do not set `isComposing`.
const COMPOSING_KEY_CODE: u32 = 229;

/// Whether the key belongs to an input method that is composing text.
pub fn is_composing(event: &KeyboardEvent) -> bool {
    event.is_composing() || event.key_code() == COMPOSING_KEY_CODE
}

/// What a key does in a place.
pub fn command(place: Place, event: &KeyboardEvent) -> Option<Command> {
    if is_composing(event) {
        return None;
    }
    let flags =
        [(event.ctrl_key() || event.meta_key(), CONTROL), (event.alt_key(), ALT), (event.shift_key(), SHIFT)];
    let modifiers = flags.iter().filter(|flag| flag.0).fold(PLAIN, |modifiers, flag| modifiers | flag.1);
    shortcuts::command(place, &event.key(), modifiers)
}
