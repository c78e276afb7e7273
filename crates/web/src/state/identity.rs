//! Who the user is.

use shared::users::User;

/// Who the user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The server has not said yet.
    Unknown,
    /// Nobody: they may only read.
    Anonymous,
    /// Somebody.
    User(User),
}

impl Identity {
    /// The user.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            Self::Unknown | Self::Anonymous => None,
        }
    }
}
