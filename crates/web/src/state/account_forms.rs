//! The forms about an account: their fields, and the checks of their input.
//!
//! Pure.

use shared::users::{Password, Username};

use crate::state::account_actions::{AccountAction, Credentials};
use crate::state::form_errors::Errors;

/// A form about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormKind {
    /// Creates an account.
    SignUp,
    /// Signs in.
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

/// A field of a form.
#[derive(Debug)]
pub struct FieldSpec {
    /// The label.
    pub label: &'static str,
    /// The field's name in the API. Errors refer to it.
    pub name: &'static str,
    /// What a password manager fills in. It also tells passwords from other text.
    pub autocomplete: &'static str,
    /// The hint below the field.
    pub hint: &'static str,
}

/// A field.
pub const fn field(
    label: &'static str,
    name: &'static str,
    autocomplete: &'static str,
    hint: &'static str,
) -> FieldSpec {
    FieldSpec { label, name, autocomplete, hint }
}

const NAME_RULES: &str = "2 to 32 characters: letters, digits, spaces and _ . -";
const PASSWORD_RULES: &str = "At least 8 characters. A few random words work well.";
const FORGOTTEN: &str = "Forgot it? Ask an admin for a reset link.";

const NEW_PASSWORD: FieldSpec = field("New password", "new_password", "new-password", PASSWORD_RULES);

impl FormKind {
    /// The fields.
    pub fn fields(self) -> &'static [FieldSpec] {
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
                const { &[field("Current password", "current_password", "current-password", ""), NEW_PASSWORD] }
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

    /// The message after success.
    pub fn done(self) -> &'static str {
        match self {
            Self::Password => "Password changed. You are signed out everywhere else.",
            _ => "Saved",
        }
    }

    /// Validates the input. Only the server checks the characters of a name and common passwords: those tables would make
    /// the client larger.
    ///
    /// # Errors
    /// What is wrong with which field.
    pub fn read(self, first: &str, second: &str) -> Result<AccountAction, Errors> {
        let mut errors = Errors::default();
        let action = match self {
            Self::SignUp => {
                let username = errors.check("username", Username::for_account(first));
                let password = errors.check("password", Password::parse_new(second));
                let entry = username
                    .zip(password)
                    .map(|(username, password)| Credentials::SignUp(username, password));
                entry.map(AccountAction::Authenticate)
            }
            Self::SignIn => {
                errors.require("username", "Your name is required.", first.trim());
                errors.require("password", "Your password is required.", second);
                Some(AccountAction::Authenticate(Credentials::SignIn(
                    first.trim().to_owned(),
                    Password::to_compare(second),
                )))
            }
            Self::RenameGuest => {
                errors.check("username", Username::parse_guest(first)).map(AccountAction::Rename)
            }
            Self::RenameMember => {
                errors.check("username", Username::for_account(first)).map(AccountAction::Rename)
            }
            Self::Password => {
                errors.require("current_password", "Your current password is required.", first);
                let new = errors.check("new_password", Password::parse_new(second));
                new.map(|new| AccountAction::ChangePassword(Password::to_compare(first), new))
            }
            Self::Reset => errors.check("new_password", Password::parse_new(first)).map(AccountAction::Reset),
        };
        action.filter(|_| errors.is_empty()).ok_or(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_account_keeps_to_the_rules_and_each_breach_is_told_beside_its_field() {
        assert!(FormKind::SignUp.read(" Ada ", "eight characters").is_ok());
        let errors = FormKind::SignUp.read("a", "short").unwrap_err();
        assert!(errors.get("username").is_some() && errors.get("password").is_some());
        assert!(FormKind::SignUp.read("Ada", "short").unwrap_err().get("username").is_none());
    }

    #[test]
    fn signing_in_asks_only_for_something_in_both_fields() {
        let credentials = Credentials::SignIn("ada".to_owned(), Password::to_compare(" x "));
        assert_eq!(FormKind::SignIn.read(" ada ", " x "), Ok(AccountAction::Authenticate(credentials)));
        let errors = FormKind::SignIn.read(" ", "").unwrap_err();
        assert_eq!(errors.get("username"), Some("Your name is required."));
        assert_eq!(errors.get("password"), Some("Your password is required."));
    }

    #[test]
    fn guests_and_members_have_rules_of_their_own_for_names() {
        assert!(FormKind::RenameGuest.read("Ada", "").is_err());
        assert!(matches!(FormKind::RenameMember.read("Ada", ""), Ok(AccountAction::Rename(_))));
    }

    #[test]
    fn a_new_password_is_checked_and_the_current_one_only_required() {
        assert!(FormKind::Password.read("x", "eight characters").is_ok());
        assert!(
            FormKind::Password.read("", "eight characters").unwrap_err().get("current_password").is_some()
        );
        assert!(FormKind::Password.read("x", "short").unwrap_err().get("new_password").is_some());
        assert!(matches!(FormKind::Reset.read("eight characters", ""), Ok(AccountAction::Reset(_))));
    }

    #[test]
    fn an_error_finds_the_field_that_it_is_about() {
        for (kind, name) in [
            (FormKind::SignUp, "password"),
            (FormKind::Password, "new_password"),
            (FormKind::Reset, "new_password"),
        ] {
            let errors = kind.read("", "").unwrap_err();
            assert!(errors.get(name).is_some(), "{kind:?}");
            assert!(kind.fields().iter().any(|field| field.name == name), "{kind:?}");
        }
    }
}
