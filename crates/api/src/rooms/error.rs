//! Why something was not done in a room.

use shared::errors::{ErrorCode, FieldError, LimitScope};
use shared::text::{Invalid, InvalidCode};
use thiserror::Error;

use crate::db::DbError;

/// A refusal for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: ErrorCode,
    /// Seconds after which it may succeed.
    pub retry_after: Option<u64>,
    /// Whose limit was reached.
    pub scope: Option<LimitScope>,
    /// What is wrong with the input.
    pub errors: Vec<FieldError>,
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, retry_after: None, scope: None, errors: Vec::new() }
    }
}

impl Refusal {
    /// The user is muted for so many milliseconds.
    pub fn muted(millis: i64) -> Self {
        Self { retry_after: Some(seconds(millis)), ..ErrorCode::Muted.into() }
    }

    /// The slow mode lets the user write after so many milliseconds.
    pub fn slow_mode(millis: i64) -> Self {
        let scope = Some(LimitScope::Room);
        Self { retry_after: Some(seconds(millis)), scope, ..ErrorCode::RateLimited.into() }
    }

    /// The user is in too many rooms: they have to leave one.
    pub fn too_many_rooms() -> Self {
        let scope = Some(LimitScope::User);
        Self { retry_after: Some(3_600), scope, ..ErrorCode::RateLimited.into() }
    }

    /// The room has too many invites: some must be revoked first.
    pub fn too_many_invites() -> Self {
        let scope = Some(LimitScope::Room);
        Self { retry_after: Some(3_600), scope, ..ErrorCode::RateLimited.into() }
    }

    /// A field of the input is invalid.
    pub fn invalid(field: &str, code: InvalidCode, detail: &str) -> Self {
        let errors = vec![FieldError::new(field, Invalid::new(code, detail))];
        Self { errors, ..ErrorCode::ValidationFailed.into() }
    }
}

/// Seconds, rounded up, at least one.
fn seconds(millis: i64) -> u64 {
    u64::try_from(millis).unwrap_or(0).div_ceil(1_000).max(1)
}

/// Why something was not done.
#[derive(Debug, Error)]
pub enum RoomError {
    /// It is refused.
    #[error("refused: {}", .0.code.name())]
    Refused(Refusal),
    /// An error of the database; nothing was done.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A result.
pub type RoomResult<T> = Result<T, RoomError>;

/// Separates a refusal from an error of the database, which the circuit breaker counts.
///
/// # Errors
/// The error of the database.
pub fn split<T>(result: RoomResult<T>) -> Result<Result<T, Refusal>, DbError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(RoomError::Refused(refusal)) => Ok(Err(refusal)),
        Err(RoomError::Db(error)) => Err(error),
    }
}

impl From<Refusal> for RoomError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ErrorCode> for RoomError {
    fn from(code: ErrorCode) -> Self {
        Self::Refused(code.into())
    }
}
