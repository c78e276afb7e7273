//! The list of rooms at the left.

use serde::Deserialize;

use crate::chrome::Chrome;

/// The list.
pub struct Sidebar<'a>(pub(super) &'a Chrome);

/// A room in it.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// How many messages in it one has not read.
    pub unread: u32,
    /// Whether it is the open one.
    pub is_current: bool,
}

impl Sidebar<'_> {
    /// The rooms.
    #[track_caller]
    pub fn rooms(&self) -> Vec<Entry> {
        self.0.eval(
            "return [...document.querySelectorAll('#sidebar a.room-link')].map(link => ({
                name: link.querySelector('.room-link-name').textContent,
                unread: Number.parseInt(link.querySelector('.count')?.textContent ?? '0'),
                is_current: link.getAttribute('aria-current') === 'page',
            }))",
        )
    }

    /// Their names.
    #[track_caller]
    pub fn names(&self) -> Vec<String> {
        self.rooms().into_iter().map(|room| room.name).collect()
    }

    /// The open room's name.
    #[track_caller]
    pub fn current(&self) -> Option<String> {
        self.rooms().into_iter().find(|room| room.is_current).map(|room| room.name)
    }

    /// How many messages one has not read there.
    #[track_caller]
    pub fn unread(&self, room: &str) -> u32 {
        self.rooms().into_iter().find(|entry| entry.name == room).map_or(0, |entry| entry.unread)
    }

    /// Goes into a room.
    #[track_caller]
    pub fn choose(&self, room: &str) {
        self.0.click(("#sidebar a.room-link .room-link-name", room));
    }

    /// The words below the list.
    #[track_caller]
    pub fn end(&self) -> String {
        self.0.eval(
            "return document.querySelector('#sidebar .sidebar-end').firstElementChild.textContent.trim()",
        )
    }

    /// Asks for more rooms.
    #[track_caller]
    pub fn load_more(&self) {
        self.0.click("#sidebar .sidebar-end button");
    }

    /// Opens the dialog in which a room is made.
    #[track_caller]
    pub fn create_new(&self) {
        self.0.click(("#sidebar button", "Create New"));
    }

    /// Goes to the start page.
    #[track_caller]
    pub fn go_home(&self) {
        self.0.click("#sidebar .brand");
    }

    /// Opens the list of all public rooms.
    #[track_caller]
    pub fn browse(&self) {
        self.0.click(("#sidebar button", "Browse rooms"));
    }

    /// Opens it, on a phone.
    #[track_caller]
    pub fn open(&self) {
        self.0.click("button[aria-label='Open menu']");
    }

    /// Closes it, on a phone.
    #[track_caller]
    pub fn close(&self) {
        self.0.click("#sidebar button[aria-label='Close menu']");
    }

    /// Opens the settings.
    #[track_caller]
    pub fn settings(&self) {
        self.0.click("#sidebar button[aria-label='Settings']");
    }

    /// How much of the screen it covers, from 0 to 1.
    #[track_caller]
    pub fn share_of_screen(&self) -> f64 {
        self.0.eval(
            "const sidebar = document.querySelector('#sidebar');
            const { width, height } = sidebar.getBoundingClientRect();
            const shown = sidebar.checkVisibility({ visibilityProperty: true });
            return shown ? width * height / innerWidth / innerHeight : 0",
        )
    }

    /// Whether nothing else can be reached, apart from notices.
    #[track_caller]
    pub fn is_alone(&self) -> bool {
        self.0.eval(
            "const others = [...document.querySelectorAll('a, button, input, textarea, [tabindex]')]
                .filter(other => !other.closest('#sidebar, .toasts, dialog'));
            return others.length > 0 && others.every(other => other.closest('[inert]'))",
        )
    }
}
