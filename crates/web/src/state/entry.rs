//! Signing up and in: what the form says, and what is sent.
//!
//! Pure.

use shared::users::{Password, Username};

use crate::state::form::Errors;

/// What the form for accounts does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Creates an account.
    SignUp,
    /// Opens a session of one.
    SignIn,
}

/// A form for an account that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Creates an account.
    SignUp(Username, Password),
    /// Opens a session of one. The name may be that of no account.
    SignIn(String, Password),
}

impl Mode {
    /// Checks what the form holds. A wrong password is not told from one that breaks the rules when signing in.
    ///
    /// # Errors
    /// What is wrong with which field.
    pub fn read(self, username: &str, password: &str) -> Result<Entry, Errors> {
        let mut errors = Errors::default();
        let entry = match self {
            Self::SignUp => {
                let username = errors.check("username", Username::parse_account(username));
                let password = errors.check("password", Password::parse_new(password));
                username.zip(password).map(|(username, password)| Entry::SignUp(username, password))
            }
            Self::SignIn => {
                for (field, text) in [("username", username.trim()), ("password", password)] {
                    if text.is_empty() {
                        errors.add(field, format!("Your {} is required.", if field == "password" { field } else { "name" }));
                    }
                }
                Some(Entry::SignIn(username.trim().to_owned(), Password::to_compare(password)))
            }
        };
        entry.filter(|_| errors.is_empty()).ok_or(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_account_keeps_to_the_rules_and_each_breach_is_told_beside_its_field() {
        assert!(Mode::SignUp.read(" Ada ", "eight characters").is_ok());
        let errors = Mode::SignUp.read("a@b", "short").unwrap_err();
        assert!(errors.get("username").is_some() && errors.get("password").is_some());
    }

    #[test]
    fn signing_in_asks_only_for_something_in_both_fields() {
        let entry = Mode::SignIn.read(" ada ", " x ").unwrap();
        assert_eq!(entry, Entry::SignIn("ada".to_owned(), Password::to_compare(" x ")));
        let errors = Mode::SignIn.read(" ", "").unwrap_err();
        assert_eq!(errors.get("username"), Some("Your name is required."));
        assert_eq!(errors.get("password"), Some("Your password is required."));
    }
}
