//! What the browser keeps for the client across reloads.
//!
//! What changes with every key is kept a moment later, and at the latest when the page goes away: each write goes to
//! the disk and to every other tab.

use std::cell::RefCell;
use std::time::Duration;

use leptos::ev;
use leptos::prelude::{set_timeout, window_event_listener};

/// How long a change waits to be kept.
const DELAY: Duration = Duration::from_secs(1);

thread_local! {
    /// What is to be kept soon, by name. A tree would make the client larger.
    static SOON: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

/// Names of what is kept in the browser.
pub mod keys {
    use shared::ids::{MessageId, RoomId};

    /// What all names begin with.
    pub const PREFIX: &str = "parlance.";
    /// `light`, `dark`, or nothing for the system's. `index.html` reads it before the first paint.
    pub const THEME: &str = "parlance.theme";
    /// What the user has read of each room.
    pub const READ: &str = "parlance.read";
    /// The last room.
    pub const LAST_ROOM: &str = "parlance.last-room";
    /// The emoji that were used last.
    pub const EMOJI: &str = "parlance.emoji";
    /// Whether this browser shows notifications, and whether with a sound; nothing if not.
    pub const NOTIFY: &str = "parlance.notify";
    /// See `NOTIFY`.
    pub const NOTIFY_SOUND: &str = "parlance.notify-sound";
    /// The last messages of which a tab has notified the user.
    pub const TOLD: &str = "parlance.told";
    /// The history of the database that all else belongs to.
    pub const EPOCH: &str = "parlance.epoch";
    /// The fallback by which events came last, and when.
    pub const TRANSPORT: &str = "parlance.transport";
    /// The user's name. It does not identify the user: the session's cookie does, which scripts cannot see.
    pub const NAME: &str = "parlance.name";
    /// `member` if the stored name belongs to an account, otherwise nothing.
    pub const KIND: &str = "parlance.kind";
    /// Changes whenever the same user gets a new session or name, so that other tabs notice.
    pub const SESSION: &str = "parlance.session";
    /// The id of the user that this browser was last signed in as. A change of it reaches the other tabs.
    pub const USER: &str = "parlance.user";
    /// What the names of the outbox's entries begin with.
    pub const OUTBOX: &str = "parlance.outbox.";

    /// The draft of a reply in a thread.
    pub fn draft_of_thread(room_id: RoomId, root: MessageId) -> String {
        format!("parlance.draft.{room_id}.{root}")
    }

    /// The draft of a room.
    pub fn draft(room_id: RoomId) -> String {
        format!("parlance.draft.{room_id}")
    }
}

/// What is kept under that name, or will be soon.
pub fn load(key: &str) -> Option<String> {
    let soon = SOON.with_borrow(|soon| soon.iter().find(|(name, _)| name == key).cloned());
    soon.map_or_else(|| stored(key), |(_, value)| Some(value).filter(|value| !value.is_empty()))
}

/// What `keys::KIND` holds beside the name of an account.
pub const MEMBER: &str = "member";

/// Whether the stored name belongs to an account.
pub fn is_member() -> bool {
    load(keys::KIND).as_deref() == Some(MEMBER)
}

/// The last guest name in this browser, or nothing if the last user had an account.
pub fn guest_name() -> String {
    load(keys::NAME).filter(|_| !is_member()).unwrap_or_default()
}

/// What is in the storage under that name, also when another tab put it there.
pub fn stored(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// Keeps something; empty text takes it away.
pub fn save(key: &str, value: &str) {
    SOON.with_borrow_mut(|soon| soon.retain(|(name, _)| name != key));
    // A full or forbidden storage costs comfort, not function.
    let _ = keep(key, value);
}

/// Like `save`. Returns whether the browser did it.
pub fn keep(key: &str, value: &str) -> bool {
    let Some(storage) = storage() else { return false };
    let done = if value.is_empty() { storage.remove_item(key) } else { storage.set_item(key, value) };
    done.is_ok()
}

/// Keeps something a moment later. Of several values for a name only the last is written.
pub fn save_soon(key: String, value: String) {
    if load(&key).unwrap_or_default() == value {
        return;
    }
    let is_first = SOON.with_borrow_mut(|soon| {
        soon.retain(|(name, _)| *name != key);
        soon.push((key, value));
        soon.len() == 1
    });
    if is_first {
        set_timeout(flush, DELAY);
    }
}

/// Keeps now what was to be kept soon.
pub fn flush() {
    for (key, value) in SOON.with_borrow_mut(std::mem::take) {
        save(&key, &value);
    }
}

/// Keeps everything before the page is hidden or goes away.
pub fn flush_when_leaving() {
    let _ = window_event_listener(ev::visibilitychange, |_| flush());
    let _ = window_event_listener(ev::pagehide, |_| flush());
}

/// The names under which something is in the storage and that begin so.
pub fn names_under(prefix: &str) -> Vec<String> {
    let Some(storage) = storage() else { return Vec::new() };
    let count = storage.length().unwrap_or(0);
    let names = (0..count).filter_map(|place| storage.key(place).ok().flatten());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// Does not keep what was to be kept soon.
pub fn forget_soon() {
    SOON.with_borrow_mut(Vec::clear);
}

/// Takes away everything that belongs to a person, and not to the browser.
pub fn forget_person() {
    forget_soon();
    for name in names_under(keys::PREFIX) {
        if ![keys::THEME, keys::EPOCH, keys::TRANSPORT, keys::USER].contains(&name.as_str()) {
            save(&name, "");
        }
    }
    // The other tabs take it as the sign that everything is gone.
    save(keys::USER, "");
}

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}
