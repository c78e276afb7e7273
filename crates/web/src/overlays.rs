//! The state of everything that can lie above the page: menus, dialogs, the loading bar.

use leptos::prelude::*;

use crate::components::confirm_dialog::Question;
use crate::state::{Identity, State};

/// An action that waits for the user's name.
type PendingAction = Box<dyn Fn() + Send + Sync>;

/// Which overlays are open. Provided as a context by the app.
#[derive(Clone, Copy)]
pub struct Overlays {
    /// The sidebar, on narrow screens.
    pub menu: RwSignal<bool>,
    /// The people panel, on screens where it does not fit beside the messages.
    pub people: RwSignal<bool>,
    /// The room finder.
    pub switcher: RwSignal<bool>,
    /// The list of shortcuts.
    pub shortcuts: RwSignal<bool>,
    /// The settings.
    pub settings: RwSignal<bool>,
    /// The dialog that asks for a name.
    pub name: RwSignal<bool>,
    /// The question that the confirm dialog asks.
    pub question: RwSignal<Option<Question>>,
    /// Whether a page of messages is loading.
    pub loading: RwSignal<bool>,
    pending: StoredValue<Option<PendingAction>>,
}

impl Default for Overlays {
    fn default() -> Self {
        Self {
            menu: RwSignal::new(false),
            people: RwSignal::new(false),
            switcher: RwSignal::new(false),
            shortcuts: RwSignal::new(false),
            settings: RwSignal::new(false),
            name: RwSignal::new(false),
            question: RwSignal::new(None),
            loading: RwSignal::new(false),
            pending: StoredValue::new(None),
        }
    }
}

impl Overlays {
    /// Runs an action that needs a name. Asks anonymous users for a name first.
    pub fn with_name(self, state: State, action: impl Fn() + Send + Sync + 'static) {
        if state.identity.with_untracked(|identity| *identity == Identity::Anonymous) {
            self.pending.set_value(Some(Box::new(action)));
            self.name.set(true);
        } else {
            action();
        }
    }

    /// Closes the name dialog and runs the action that waited for the name.
    pub fn named(self) {
        self.name.set(false);
        if let Some(action) = self.pending.try_update_value(Option::take).flatten() {
            action();
        }
    }
}
