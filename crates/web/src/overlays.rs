//! The state of everything that can lie above the page: menus, dialogs, the loading bar.

use leptos::prelude::*;
use shared::ids::{AttachmentId, MessageId, RoomId};
use shared::users::{User, UserKind};

use crate::components::confirm_dialog::Question;
use crate::state::account_forms::FormKind;
use crate::state::{Identity, State};

/// An action that waits for the user's name.
type PendingAction = Box<dyn Fn() + Send + Sync>;

/// An image on the whole screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewed {
    /// The room.
    pub room_id: RoomId,
    /// The message that has it.
    pub message: MessageId,
    /// The image.
    pub file: AttachmentId,
}

/// What an emoji is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmojiFor {
    /// To react to a message.
    Reaction(RoomId, MessageId),
    /// To write it into the field of that selector.
    Text(&'static str),
}

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
    /// Whether that dialog starts with signing in.
    pub signs_in: RwSignal<bool>,
    /// The dialog that creates a room.
    pub create_room: RwSignal<bool>,
    /// The list of all public rooms.
    pub browse: RwSignal<bool>,
    /// The dialog about the open room.
    pub room: RwSignal<bool>,
    /// Whose card that dialog shows.
    pub person: RwSignal<Option<User>>,
    /// The image on the whole screen.
    pub viewer: RwSignal<bool>,
    /// Which image that is.
    pub viewed: RwSignal<Option<Viewed>>,
    /// The thread beside the room, by its first message.
    pub thread: RwSignal<Option<MessageId>>,
    /// The emoji.
    pub emoji: RwSignal<bool>,
    /// What one of them is chosen for.
    pub emoji_for: RwSignal<Option<EmojiFor>>,
    /// The former texts of a message.
    pub edits: RwSignal<bool>,
    /// Which message that is.
    pub edited: RwSignal<Option<(RoomId, MessageId)>>,
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
            create_room: RwSignal::new(false),
            browse: RwSignal::new(false),
            room: RwSignal::new(false),
            person: RwSignal::new(None),
            viewer: RwSignal::new(false),
            viewed: RwSignal::new(None),
            thread: RwSignal::new(None),
            emoji: RwSignal::new(false),
            emoji_for: RwSignal::new(None),
            edits: RwSignal::new(false),
            edited: RwSignal::new(None),
            question: RwSignal::new(None),
            loading: RwSignal::new(false),
            pending: StoredValue::new(None),
        }
    }
}

impl Overlays {
    /// Runs an action that needs a name. Asks anonymous users for a name first, or for an account where guests may not come.
    pub fn with_name(self, state: State, action: impl Fn() + Send + Sync + 'static) {
        if state.identity.with_untracked(|identity| *identity == Identity::Anonymous) {
            self.pending.set_value(Some(Box::new(action)));
            match state.may_be_guest.get_untracked() {
                true => self.name.set(true),
                false => self.switch_to_account(FormKind::SignIn),
            }
        } else {
            action();
        }
    }

    /// Asks for an account where this browser last had one or guests may not come, and otherwise for a name.
    pub fn ask_for_identity(self, state: State) {
        let kind = state.remembered.with_untracked(|author| author.as_ref().map(|author| author.kind));
        if kind == Some(UserKind::Member) || !state.may_be_guest.get_untracked() {
            self.open_account(FormKind::SignIn);
        } else {
            self.pending.set_value(None);
            self.name.set(true);
        }
    }

    /// Opens the dialog to sign up or in.
    pub fn open_account(self, kind: FormKind) {
        self.pending.set_value(None);
        self.switch_to_account(kind);
    }

    /// Like `open_account`, but keeps the action that is waiting for a name.
    pub fn switch_to_account(self, kind: FormKind) {
        self.name.set(false);
        self.settings.set(false);
        self.create_room.set(false);
        self.browse.set(false);
        self.signs_in.set(kind == FormKind::SignIn);
        // Wait until the closed dialog has restored the focus; otherwise it would take the focus from this one.
        request_animation_frame(move || self.account.set(true));
    }

    /// Lets the user choose an emoji.
    pub fn pick_emoji(self, purpose: EmojiFor) {
        self.emoji_for.set(Some(purpose));
        self.emoji.set(true);
    }

    /// Whether anything covers the page, or a part of it.
    pub fn covers_page(self) -> bool {
        self.menu.get() || self.people.get() || self.thread.with(Option::is_some) || self.asks_for_dialog()
    }

    /// Whether a dialog should be open.
    pub fn asks_for_dialog(self) -> bool {
        self.dialogs().iter().any(|open| open.get()) || self.question.with(Option::is_some)
    }

    /// Closes all dialogs.
    pub fn close_dialogs(self) {
        self.dialogs().iter().for_each(|open| open.set(false));
        self.question.set(None);
        self.pending.set_value(None);
    }

    fn dialogs(self) -> [RwSignal<bool>; 11] {
        [
            self.switcher,
            self.shortcuts,
            self.settings,
            self.name,
            self.account,
            self.create_room,
            self.browse,
            self.room,
            self.viewer,
            self.emoji,
            self.edits,
        ]
    }

    /// Closes the dialogs that ask who the user is and runs the action that waited for the name, unless the user closed
    /// them meanwhile.
    pub fn identified(self) {
        let is_asking = self.name.get_untracked() || self.account.get_untracked();
        self.name.set(false);
        self.account.set(false);
        if let Some(action) = self.pending.try_update_value(Option::take).flatten().filter(|_| is_asking) {
            action();
        }
    }
}
