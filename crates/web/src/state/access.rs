//! Who may come to this server.
//!
//! Pure.

use shared::admin::{Guests, Registration};

/// Who may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whether people may create an account by themselves.
    pub may_sign_up: bool,
    /// Whether people may come as guests by themselves.
    pub may_be_guest: bool,
    /// Whether there are guests at all, if only by an invite.
    pub has_guests: bool,
}

impl Access {
    /// By the names of the settings. The first load has no readers for their types.
    pub fn new(registration: &str, guests: &str) -> Self {
        Self {
            may_sign_up: registration != Registration::Closed.name(),
            may_be_guest: guests == Guests::Open.name(),
            has_guests: guests != Guests::Off.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_server_offers_nothing_and_an_invite_may_bring_guests() {
        let open = Access::new("open", "open");
        assert!(open.may_sign_up && open.may_be_guest && open.has_guests);
        let invited = Access::new("closed", "invited");
        assert!(!invited.may_sign_up && !invited.may_be_guest && invited.has_guests);
        assert!(!Access::new("open", "off").has_guests);
    }
}
