//! Errors of operations on accounts.

use shared::text::Invalid;
use thiserror::Error;

use crate::db::{DbError, DbResult};
use crate::passwords::PasswordError;
use crate::rooms::error::{Refusal, RoomError};
use crate::writer::WriteError;

/// Why an account was not created, opened or changed.
#[derive(Debug, Error)]
pub enum AccountError {
    /// The user has an account already.
    #[error("already a member")]
    AlreadyMember,
    /// The server accepts no new accounts, or no new guests.
    #[error("registration is closed")]
    RegistrationClosed,
    /// There is no such account, or the password is wrong.
    #[error("wrong name or password")]
    InvalidCredentials,
    /// An admin disabled the account.
    #[error("the account is disabled")]
    Disabled,
    /// The current password is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// The new password is not acceptable.
    #[error("{0}")]
    InvalidPassword(Invalid),
    /// The setup secret is wrong, or the first admin was decided before.
    #[error("invalid setup secret")]
    InvalidSetup,
    /// The user has no such token.
    #[error("no such token")]
    NoToken,
    /// There is no such user.
    #[error("no such user")]
    NoUser,
    /// No enabled admin would remain.
    #[error("the last admin")]
    LastAdmin,
    /// There never was such a link.
    #[error("no such link")]
    NoReset,
    /// The link was used or has expired.
    #[error("the link is used up")]
    ResetGone,
    /// The invite cannot be redeemed.
    #[error("refused: {}", .0.code.name())]
    Refused(Refusal),
    /// Passwords cannot be checked now.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// An error of the database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<WriteError> for AccountError {
    fn from(error: WriteError) -> Self {
        match RoomError::from(error) {
            RoomError::Refused(refusal) => Self::Refused(refusal),
            RoomError::Db(error) => error.into(),
        }
    }
}

/// The result of an operation on accounts.
pub type AccountResult<T> = Result<T, AccountError>;

/// Turns [`DbError::NotFound`] into `None`.
pub(super) fn or_none<T>(result: DbResult<T>) -> DbResult<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(DbError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
