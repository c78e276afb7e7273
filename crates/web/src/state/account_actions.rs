//! What the user does with their account.
//!
//! Pure.

use shared::ids::SessionId;
use shared::users::{Password, Username};

/// What the user signs up or in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// Creates an account.
    SignUp(Username, Password),
    /// Signs in. The name is not checked.
    SignIn(String, Password),
}

/// What the user does with their account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountAction {
    /// Opens the dialog to sign up.
    OpenSignUp,
    /// Opens the dialog to sign in.
    OpenSignIn,
    /// Signs up or in.
    Authenticate(Credentials),
    /// Changes the name.
    Rename(Username),
    /// Changes the password, from the current one to the new one.
    ChangePassword(Password, Password),
    /// Sets a new password with a reset link.
    Reset(Password),
    /// Loads the list of sessions.
    LoadSessions,
    /// Ends this session, or all others if it is `None`.
    EndSession(Option<SessionId>),
    /// Opens the page of the server's admins.
    OpenAdmin,
    /// Opens the dialog that deletes the account.
    OpenDeletion,
    /// Signs out here.
    SignOut,
}
