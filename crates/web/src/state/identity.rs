//! Who the user is.

use shared::users::User;

/// Who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The server has not said yet.
    Unknown,
    /// Nobody: one can read.
    Anonymous,
    /// Somebody.
    User(User),
}

impl Identity {
    /// The user one is.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            Self::Unknown | Self::Anonymous => None,
        }
    }
}
