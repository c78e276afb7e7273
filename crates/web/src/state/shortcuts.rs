//! The keyboard shortcuts: one table that drives the keys and the dialog that lists them.
//!
//! Pure.

/// What a shortcut does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens the room finder.
    FindRoom,
    /// Opens the room below in the list.
    NextRoom,
    /// Opens the room above in the list.
    PreviousRoom,
    /// Lists the shortcuts.
    ShowShortcuts,
    /// Closes menus.
    Close,
    /// Sends the message.
    Send,
    /// Edits the user's last message.
    EditLast,
    /// Makes text bold.
    Bold,
    /// Makes text italic.
    Italic,
    /// Strikes text through.
    Strike,
    /// Makes text code.
    Code,
    /// Makes lines a quote.
    Quote,
    /// Makes lines a list.
    List,
    /// Moves the focus to the message above.
    PreviousMessage,
    /// Moves the focus to the message below.
    NextMessage,
    /// Moves the focus to the first message.
    FirstMessage,
    /// Moves the focus to the last message.
    LastMessage,
    /// Saves the edit.
    Save,
    /// Gives the edit up.
    Cancel,
    /// Shows the image before.
    PreviousImage,
    /// Shows the image after.
    NextImage,
    /// Shows an image with all its pixels.
    ZoomIn,
    /// Shows the whole of an image.
    ZoomOut,
}

/// Where a shortcut works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Everywhere.
    Anywhere,
    /// Where nothing is typed.
    OutsideFields,
    /// In the field for new messages.
    Composer,
    /// In the list of messages.
    List,
    /// In the field of an edit.
    Editor,
    /// Where an image fills the screen.
    Viewer,
}

/// No modifier.
pub const PLAIN: u8 = 0;
/// Ctrl, or Cmd on a Mac.
pub const CONTROL: u8 = 1;
/// Alt, or Option on a Mac.
pub const ALT: u8 = 2;
/// Shift.
pub const SHIFT: u8 = 4;

/// A shortcut.
#[derive(Debug)]
pub struct Shortcut {
    place: Place,
    modifiers: u8,
    key: &'static str,
    command: Command,
    /// The keys in words.
    pub keys: &'static str,
    /// What it does, in words. Without, it is a second way that is not listed.
    pub what: &'static str,
}

const fn row(
    place: Place,
    (modifiers, key): (u8, &'static str),
    command: Command,
    keys: &'static str,
    what: &'static str,
) -> Shortcut {
    Shortcut { place, modifiers, key, command, keys, what }
}

/// All shortcuts.
pub const SHORTCUTS: &[Shortcut] = &[
    row(Place::Anywhere, (CONTROL, "k"), Command::FindRoom, "Ctrl K", "Find a room"),
    row(Place::Anywhere, (ALT, "ArrowUp"), Command::PreviousRoom, "Alt ↑", "Open the room above"),
    row(Place::Anywhere, (ALT, "ArrowDown"), Command::NextRoom, "Alt ↓", "Open the room below"),
    row(
        Place::Composer,
        (PLAIN, "Enter"),
        Command::Send,
        "Enter",
        "Send the message (Shift Enter: new line)",
    ),
    row(Place::Composer, (CONTROL, "Enter"), Command::Send, "", ""),
    row(
        Place::Composer,
        (PLAIN, "ArrowUp"),
        Command::EditLast,
        "↑",
        "In the empty field: edit your last message",
    ),
    row(Place::Composer, (CONTROL, "b"), Command::Bold, "Ctrl B", "Bold"),
    row(Place::Composer, (CONTROL, "i"), Command::Italic, "Ctrl I", "Italic"),
    row(Place::Composer, (CONTROL | SHIFT, "x"), Command::Strike, "Ctrl Shift X", "Struck through"),
    row(Place::Composer, (CONTROL, "e"), Command::Code, "Ctrl E", "Code"),
    row(Place::Composer, (CONTROL, "'"), Command::Quote, "Ctrl '", "Quote"),
    row(Place::Composer, (CONTROL | SHIFT, "l"), Command::List, "Ctrl Shift L", "List"),
    row(Place::Composer, (PLAIN, "Escape"), Command::Cancel, "", ""),
    row(Place::Editor, (PLAIN, "Enter"), Command::Save, "", ""),
    row(Place::Editor, (CONTROL, "Enter"), Command::Save, "", ""),
    row(
        Place::Editor,
        (PLAIN, "Escape"),
        Command::Cancel,
        "Esc",
        "Cancel the edit, close a menu or a dialog",
    ),
    row(Place::List, (PLAIN, "ArrowUp"), Command::PreviousMessage, "", ""),
    row(
        Place::List,
        (PLAIN, "ArrowDown"),
        Command::NextMessage,
        "↑ ↓",
        "In the list: go from message to message",
    ),
    row(Place::List, (PLAIN, "Home"), Command::FirstMessage, "", ""),
    row(
        Place::List,
        (PLAIN, "End"),
        Command::LastMessage,
        "Home End",
        "In the list: go to the first or last message",
    ),
    row(Place::Viewer, (PLAIN, "ArrowLeft"), Command::PreviousImage, "", ""),
    row(Place::Viewer, (PLAIN, "ArrowRight"), Command::NextImage, "← →", "At an image: go to the next one"),
    row(Place::Viewer, (PLAIN, "-"), Command::ZoomOut, "", ""),
    row(
        Place::Viewer,
        (PLAIN, "+"),
        Command::ZoomIn,
        "+ −",
        "At an image: show all its pixels, or the whole",
    ),
    row(
        Place::Anywhere,
        (CONTROL, "/"),
        Command::ShowShortcuts,
        "Ctrl /",
        "Show the shortcuts (or ? outside a text field)",
    ),
    row(Place::OutsideFields, (PLAIN, "?"), Command::ShowShortcuts, "", ""),
    row(Place::Anywhere, (PLAIN, "Escape"), Command::Close, "", ""),
];

/// What a key does in a place.
pub fn command(place: Place, key: &str, modifiers: u8) -> Option<Command> {
    let fits = |shortcut: &&Shortcut| {
        // On some keyboards these are typed with Shift.
        let ignored = if matches!(shortcut.key, "/" | "?" | "+" | "'") { SHIFT } else { PLAIN };
        shortcut.place == place
            && shortcut.key.eq_ignore_ascii_case(key)
            && shortcut.modifiers == modifiers & !ignored
    };
    SHORTCUTS.iter().find(fits).map(|shortcut| shortcut.command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortcut_needs_exactly_its_modifiers() {
        assert_eq!(command(Place::Anywhere, "K", CONTROL), Some(Command::FindRoom));
        assert_eq!(command(Place::Anywhere, "k", CONTROL | SHIFT), None);
        assert_eq!(command(Place::Composer, "Enter", SHIFT), None, "a new line");
        assert_eq!(command(Place::Anywhere, "ArrowDown", ALT), Some(Command::NextRoom));
        for place in [Place::Composer, Place::List, Place::Editor] {
            assert_eq!(command(place, "ArrowUp", ALT), None, "it changes the room only");
        }
    }

    #[test]
    fn the_list_of_shortcuts_opens_on_every_keyboard() {
        for (place, key, modifiers) in [
            (Place::Anywhere, "/", CONTROL),
            (Place::Anywhere, "/", CONTROL | SHIFT),
            (Place::OutsideFields, "?", SHIFT),
            (Place::OutsideFields, "?", PLAIN),
        ] {
            assert_eq!(command(place, key, modifiers), Some(Command::ShowShortcuts), "{key} {modifiers}");
        }
        assert_eq!(command(Place::Anywhere, "?", SHIFT), None, "it is typed in fields");
    }

    #[test]
    fn each_key_means_one_thing_and_each_command_is_listed() {
        for shortcut in SHORTCUTS {
            assert_eq!(command(shortcut.place, shortcut.key, shortcut.modifiers), Some(shortcut.command));
            assert_eq!(shortcut.keys.is_empty(), shortcut.what.is_empty());
        }
        assert!(SHORTCUTS.iter().filter(|shortcut| !shortcut.what.is_empty()).count() >= 8);
    }
}
