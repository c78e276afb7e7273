//! Errors of the database.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use thiserror::Error;

/// Why a query gave no result. Knows no status code: `error.rs` does.
#[derive(Debug, Error)]
pub enum DbError {
    /// What was asked for does not exist.
    #[error("not found")]
    NotFound,
    /// A unique constraint of this name refused it.
    #[error("conflict with {0}")]
    Conflict(String),
    /// The database cannot be reached or cannot do it now. Nothing was changed.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// Too many requests wait for the database. Nothing was changed.
    #[error("database overloaded: {0}")]
    Overloaded(String),
    /// The connection broke during a statement, whose effect is unknown.
    #[error("database connection lost: {0}")]
    ConnectionLost(String),
    /// A write has no answer: it may have been done or not.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(String),
    /// Anything else: a bug of ours.
    #[error("database: {0}")]
    Other(DieselError),
}

/// What a query gives.
pub type DbResult<T> = Result<T, DbError>;

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                Self::Conflict(info.constraint_name().unwrap_or_default().to_owned())
            }
            DieselError::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                info,
            ) => Self::ConnectionLost(info.message().to_owned()),
            // Over a broken connection nothing can be rolled back; what counts is what became of the commit.
            DieselError::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
            DieselError::BrokenTransactionManager => Self::ConnectionLost("the connection broke".to_owned()),
            DieselError::DatabaseError(_, ref info) if says(info.message(), &LOST) => {
                Self::ConnectionLost(info.message().to_owned())
            }
            DieselError::DatabaseError(_, ref info) if says(info.message(), &BUSY) => {
                Self::Unavailable(info.message().to_owned())
            }
            other => Self::Other(other),
        }
    }
}

// Diesel does not expose the SQLSTATE, so the message decides: libpq's own, and those of the server under
// `lc_messages = C`, which every connection sets.

/// The connection is gone.
const LOST: [&str; 7] = [
    "server closed the connection",
    "terminating connection",
    "connection to server",
    "no connection to the server",
    "could not receive data from server",
    "could not send data to server",
    "SSL connection has been closed",
];

/// The server refused for lack of time, memory or disk, or because it is starting or stopping.
const BUSY: [&str; 5] = [
    "the database system is",
    "canceling statement due to",
    "could not extend file",
    "No space left on device",
    "out of shared memory",
];

fn says(message: &str, signs: &[&str]) -> bool {
    signs.iter().any(|sign| message.contains(sign))
}
