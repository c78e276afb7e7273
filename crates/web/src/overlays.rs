//! The state of everything that can lie above the page: menus, dialogs, the loading bar.

use leptos::prelude::*;
use shared::users::UserKind;

use crate::components::confirm_dialog::Question;
use crate::state::entry::Mode;
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
    /// The dialog to sign up or in.
    pub account: RwSignal<bool>,
    /// Whether it signs in.
    pub signs_in: RwSignal<bool>,
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
            account: RwSignal::new(false),
            signs_in: RwSignal::new(false),
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

    /// Asks who the user is: who had an account in this browser signs in, others choose a name.
    pub fn ask_who(self, state: State) {
        let kind = state.remembered.with_untracked(|author| author.as_ref().map(|author| author.kind));
        if kind == Some(UserKind::Member) {
            self.enter(Mode::SignIn);
        } else {
            self.pending.set_value(None);
            self.name.set(true);
        }
    }

    /// Opens the dialog to sign up or in.
    pub fn enter(self, mode: Mode) {
        self.pending.set_value(None);
        self.enter_instead(mode);
    }

    /// The same in the place of the name dialog. The action that waited for the name waits on.
    pub fn enter_instead(self, mode: Mode) {
        self.name.set(false);
        self.settings.set(false);
        self.signs_in.set(mode == Mode::SignIn);
        // A dialog that closes gives the focus back first, so that this one can do it later.
        request_animation_frame(move || self.account.set(true));
    }

    /// Closes the dialogs that ask who the user is and runs the action that waited for the name.
    pub fn named(self) {
        self.name.set(false);
        self.account.set(false);
        if let Some(action) = self.pending.try_update_value(Option::take).flatten() {
            action();
        }
    }
}
