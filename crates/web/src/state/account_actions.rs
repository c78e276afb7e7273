//! What the forms about the account ask for.
//!
//! Pure.

use shared::users::{Password, Username};

/// What the user signs up or in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Creates an account.
    SignUp(Username, Password),
    /// Signs in. The name is not checked.
    SignIn(String, Password),
}

/// What a form about the account asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountAction {
    /// Signs up or in.
    Authenticate(Credentials),
    /// Changes the name.
    Rename(Username),
    /// Changes the password, from the current one to the new one.
    ChangePassword(Password, Password),
    /// Sets a new password with a reset link.
    Reset(Password),
}
