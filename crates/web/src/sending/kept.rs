//! Keeps the outbox in the browser, so that it survives a reload, and in step with the other tabs.
//!
//! Each entry is kept under a name of its own: tabs that write at the same time do not overwrite each other's entries.

use std::cell::RefCell;

use leptos::prelude::*;

use crate::boxed::effect;
use crate::browser::{self, keys};
use crate::state::State;
use crate::state::outbox::{Entry, Outbox, parse_key};

thread_local! {
    /// What this tab knows to be in the storage: entries by their keys. A tree would make the client larger.
    static KEPT: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

/// Reads what was kept, and keeps every change from now on.
pub fn start(state: State) {
    for name in browser::names_under(keys::OUTBOX) {
        if let Some((key, value)) = key(&name).zip(browser::stored(&name))
            && let Some(entry) = read(key, value)
        {
            state.outbox.update(|outbox| outbox.insert(entry));
        }
    }
    effect(move || state.outbox.with(keep));
}

/// Another tab has changed what is in the storage under this name. Returns whether the name is one of an entry.
pub fn changed_elsewhere(state: State, name: &str, value: Option<String>) -> bool {
    let Some(key) = key(name) else { return false };
    let now = browser::now();
    match value {
        Some(value) => {
            if let Some(entry) = read(key, value) {
                state.outbox.update(|outbox| outbox.insert_foreign(entry, now));
            }
        }
        None => {
            note(key, None);
            let known = |(owner, id)| {
                let known = |outbox: &Outbox| outbox.get(id).filter(|entry| entry.owner == owner).cloned();
                state.outbox.with_untracked(known)
            };
            if let Some(entry) = parse_key(key).and_then(known) {
                state.outbox.update(|outbox| {
                    outbox.remove(entry.id);
                    outbox.release(entry.room_id, now);
                });
            }
        }
    }
    true
}

/// Whether another tab has sent this entry, or given it up.
pub fn was_sent_elsewhere(entry: &Entry) -> bool {
    let key = entry.key();
    KEPT.with_borrow(|kept| kept.iter().any(|(known, _)| *known == key))
        && browser::stored(&name(&key)).is_none()
}

fn name(key: &str) -> String {
    format!("{}{key}", keys::OUTBOX)
}

fn key(name: &str) -> Option<&str> {
    name.strip_prefix(keys::OUTBOX)
}

/// The entry that is in the storage under this key.
fn read(key: &str, value: String) -> Option<Entry> {
    let entry = Entry::from_text(key, &value)?;
    note(key, Some(value));
    Some(entry)
}

/// Writes what differs from what is in the storage.
fn keep(outbox: &Outbox) {
    let wanted: Vec<_> = outbox.entries().iter().map(|entry| (entry.key(), entry.to_text())).collect();
    // What is new before what is gone: an entry whose owner changes is never in neither place.
    for (key, text) in &wanted {
        let is_kept = KEPT.with_borrow(|kept| kept.iter().any(|known| known.0 == *key && known.1 == *text));
        if !is_kept && browser::keep(&name(key), text) {
            note(key, Some(text.clone()));
        }
    }
    KEPT.with_borrow_mut(|kept| {
        kept.retain(|(key, _)| {
            wanted.iter().any(|(wanted, _)| wanted == key) || !browser::keep(&name(key), "")
        });
    });
}

/// What is in the storage under this key from now on.
fn note(key: &str, value: Option<String>) {
    KEPT.with_borrow_mut(|kept| {
        kept.retain(|(known, _)| known != key);
        kept.extend(value.map(|value| (key.to_owned(), value)));
    });
}
