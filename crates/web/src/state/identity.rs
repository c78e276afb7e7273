//! Who the user is.

use shared::users::User;

/// The user of this page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The server has not said yet.
    Unknown,
    /// No session: the user can only read.
    Anonymous,
    /// Somebody.
    User(User),
}

impl Identity {
    /// The signed-in user.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            Self::Unknown | Self::Anonymous => None,
        }
    }
}
