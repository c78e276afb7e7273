//! Accounts: the forms about them, and what the user wants of theirs.
//!
//! Pure.

use shared::ids::SessionId;
use shared::users::{Password, Username};

use crate::state::form::Errors;

/// A form about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Creates an account.
    SignUp,
    /// Opens a session of one.
    SignIn,
    /// Changes the name of a guest.
    RenameGuest,
    /// Changes the name of an account.
    RenameMember,
    /// Changes the password.
    Password,
    /// Chooses a new password by a link.
    Reset,
}

/// A field of such a form.
#[derive(Debug)]
pub struct Field {
    /// The label.
    pub label: &'static str,
    /// The field's name in the API. Errors refer to it.
    pub name: &'static str,
    /// What a password manager fills in. It also tells passwords from other text.
    pub autocomplete: &'static str,
    /// The rules.
    pub hint: &'static str,
}

/// Signs up or in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Creates an account.
    SignUp(Username, Password),
    /// Opens a session of one. The name may be that of no account.
    SignIn(String, Password),
}

/// What the user wants of their account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To see the form to sign up or in.
    Ask(Mode),
    /// To sign up or in.
    Enter(Entry),
    /// To be called so.
    Rename(Username),
    /// To have another password: the present one and the new one.
    ChangePassword(Password, Password),
    /// To have this password, by a link.
    Reset(Password),
    /// To see their sessions.
    SeeSessions,
    /// To end a session, or without one all others.
    EndSession(Option<SessionId>),
    /// To sign out here.
    SignOut,
}

const fn field(
    label: &'static str,
    name: &'static str,
    autocomplete: &'static str,
    hint: &'static str,
) -> Field {
    Field { label, name, autocomplete, hint }
}

const NAME_RULES: &str = "2 to 32 characters: letters, digits, spaces and _ . -";
const PASSWORD_RULES: &str = "At least 8 characters. Several words work well.";
const FORGOTTEN: &str = "Forgotten it? An admin can give you a link for a new one.";

const NEW_PASSWORD: Field = field("New password", "new_password", "new-password", PASSWORD_RULES);

impl Mode {
    /// The fields.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::SignUp => {
                const {
                    &[
                        field("Name", "username", "username", NAME_RULES),
                        field("Password", "password", "new-password", PASSWORD_RULES),
                    ]
                }
            }
            Self::SignIn => {
                const {
                    &[
                        field("Name", "username", "username", ""),
                        field("Password", "password", "current-password", FORGOTTEN),
                    ]
                }
            }
            Self::RenameGuest => {
                const { &[field("Your name", "username", "nickname", "4 to 20 characters")] }
            }
            Self::RenameMember => const { &[field("Your name", "username", "username", NAME_RULES)] },
            Self::Password => {
                const { &[field("Present password", "current_password", "current-password", ""), NEW_PASSWORD] }
            }
            Self::Reset => const { &[NEW_PASSWORD] },
        }
    }

    /// What its button says.
    pub fn action(self) -> &'static str {
        match self {
            Self::SignUp => "Create account",
            Self::SignIn => "Sign in",
            Self::RenameGuest | Self::RenameMember => "Save name",
            Self::Password => "Change password",
            Self::Reset => "Set password",
        }
    }

    /// What it says when all went well.
    pub fn done(self) -> &'static str {
        match self {
            Self::Password => "Changed. All other sessions have ended.",
            _ => "Saved",
        }
    }

    /// Checks what the form holds. The server alone knows which characters a name may have and which passwords are
    /// common: the lists would make the client larger.
    ///
    /// # Errors
    /// What is wrong with which field.
    pub fn read(self, first: &str, second: &str) -> Result<Wish, Errors> {
        let mut errors = Errors::default();
        let wish = match self {
            Self::SignUp => {
                let username = errors.check("username", Username::for_account(first));
                let password = errors.check("password", Password::parse_new(second));
                let entry =
                    username.zip(password).map(|(username, password)| Entry::SignUp(username, password));
                entry.map(Wish::Enter)
            }
            Self::SignIn => {
                errors.require("username", "Your name is required.", first.trim());
                errors.require("password", "Your password is required.", second);
                Some(Wish::Enter(Entry::SignIn(first.trim().to_owned(), Password::to_compare(second))))
            }
            Self::RenameGuest => errors.check("username", Username::parse_guest(first)).map(Wish::Rename),
            Self::RenameMember => errors.check("username", Username::for_account(first)).map(Wish::Rename),
            Self::Password => {
                errors.require("current_password", "Your present password is required.", first);
                let new = errors.check("new_password", Password::parse_new(second));
                new.map(|new| Wish::ChangePassword(Password::to_compare(first), new))
            }
            Self::Reset => errors.check("new_password", Password::parse_new(first)).map(Wish::Reset),
        };
        wish.filter(|_| errors.is_empty()).ok_or(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_account_keeps_to_the_rules_and_each_breach_is_told_beside_its_field() {
        assert!(Mode::SignUp.read(" Ada ", "eight characters").is_ok());
        let errors = Mode::SignUp.read("a", "short").unwrap_err();
        assert!(errors.get("username").is_some() && errors.get("password").is_some());
        assert!(Mode::SignUp.read("Ada", "short").unwrap_err().get("username").is_none());
    }

    #[test]
    fn signing_in_asks_only_for_something_in_both_fields() {
        let entry = Entry::SignIn("ada".to_owned(), Password::to_compare(" x "));
        assert_eq!(Mode::SignIn.read(" ada ", " x "), Ok(Wish::Enter(entry)));
        let errors = Mode::SignIn.read(" ", "").unwrap_err();
        assert_eq!(errors.get("username"), Some("Your name is required."));
        assert_eq!(errors.get("password"), Some("Your password is required."));
    }

    #[test]
    fn guests_and_members_have_rules_of_their_own_for_names() {
        assert!(Mode::RenameGuest.read("Ada", "").is_err());
        assert!(matches!(Mode::RenameMember.read("Ada", ""), Ok(Wish::Rename(_))));
    }

    #[test]
    fn a_new_password_is_checked_and_the_present_one_only_asked_for() {
        assert!(Mode::Password.read("x", "eight characters").is_ok());
        assert!(Mode::Password.read("", "eight characters").unwrap_err().get("current_password").is_some());
        assert!(Mode::Password.read("x", "short").unwrap_err().get("new_password").is_some());
        assert!(matches!(Mode::Reset.read("eight characters", ""), Ok(Wish::Reset(_))));
    }

    #[test]
    fn an_error_finds_the_field_that_it_is_about() {
        for (mode, name) in
            [(Mode::SignUp, "password"), (Mode::Password, "new_password"), (Mode::Reset, "new_password")]
        {
            let errors = mode.read("", "").unwrap_err();
            assert!(errors.get(name).is_some(), "{mode:?}");
            assert!(mode.fields().iter().any(|field| field.name == name), "{mode:?}");
        }
    }
}
