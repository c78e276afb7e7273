//! Lists the keyboard shortcuts.

use leptos::prelude::*;

use crate::components::modal::Modal;
use crate::state::shortcuts::{SHORTCUTS, Shortcut};

/// A dialog with all shortcuts that are worth knowing.
#[component]
pub fn ShortcutsDialog(
    /// Whether the dialog is open.
    open: RwSignal<bool>,
) -> impl IntoView {
    let rows = || {
        let listed = SHORTCUTS.iter().filter(|shortcut| !shortcut.what.is_empty());
        let row = |shortcut: &'static Shortcut| {
            view! {
                <div>
                    <dt>
                        <kbd>{shortcut.keys}</kbd>
                    </dt>
                    <dd>{shortcut.what}</dd>
                </div>
            }
            .into_any()
        };
        listed.map(row).collect_view()
    };
    view! {
        <Modal open=open label="Keyboard shortcuts" class="narrow">
            <h2>"Keyboard shortcuts"</h2>
            <dl class="shortcuts">{rows()}</dl>
            <div class="dialog-actions">
                <button type="button" class="button primary" on:click=move |_| open.set(false)>
                    "Done"
                </button>
            </div>
        </Modal>
    }
}
