//! Errors of the database.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use thiserror::Error;

/// Why a query failed. The status codes are in `crate::error`.
#[derive(Debug, Error)]
pub enum DbError {
    /// The requested row does not exist.
    #[error("not found")]
    NotFound,
    /// The unique constraint of this name was violated.
    #[error("conflict with {0}")]
    Conflict(String),
    /// The database cannot be reached or cannot execute the query now. Nothing was changed.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// Too many queries are waiting. Nothing was changed.
    #[error("database overloaded: {0}")]
    Overloaded(String),
    /// The connection broke during a statement. The outcome of the statement is unknown.
    #[error("database connection lost: {0}")]
    ConnectionLost(String),
    /// The answer to a write is missing: it may or may not be stored.
    #[error("outcome unknown: {0}")]
    OutcomeUnknown(String),
    /// Any other error, which is a bug.
    #[error("database: {0}")]
    Other(DieselError),
}

/// The result of a query.
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
            // The rollback fails over a broken connection; the failure of the commit is the cause.
            DieselError::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
            DieselError::BrokenTransactionManager => Self::ConnectionLost("the connection broke".to_owned()),
            DieselError::DatabaseError(_, ref info) if contains_any(info.message(), &LOST) => {
                Self::ConnectionLost(info.message().to_owned())
            }
            DieselError::DatabaseError(_, ref info) if contains_any(info.message(), &BUSY) => {
                Self::Unavailable(info.message().to_owned())
            }
            other => Self::Other(other),
        }
    }
}

// Diesel does not expose the SQLSTATE, so the message is compared: those of libpq, and those of the server with
// `lc_messages = C`, which every connection sets.

/// Messages that mean that the connection is lost.
const LOST: [&str; 7] = [
    "server closed the connection",
    "terminating connection",
    "connection to server",
    "no connection to the server",
    "could not receive data from server",
    "could not send data to server",
    "SSL connection has been closed",
];

/// Messages that mean that the server lacks time, memory or disk space, or is starting or stopping.
const BUSY: [&str; 5] = [
    "the database system is",
    "canceling statement due to",
    "could not extend file",
    "No space left on device",
    "out of shared memory",
];

fn contains_any(message: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| message.contains(part))
}
