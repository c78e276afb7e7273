//! The error of a request and its HTTP status. No other module knows status codes.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use shared::errors::{ErrorCode, FieldError, LimitScope};
use shared::text::{Invalid, InvalidCode};

use crate::accounts::AccountError;
use crate::db::{self, DbError};
use crate::files::FileError;
use crate::files::image::ImageError;
use crate::files::quota::{Counted, DAY, QuotaError};
use crate::files::store::StoreError;
use crate::limits::Limited;
use crate::passwords::PasswordError;
use crate::realtime::admission::Refusal as SocketRefusal;
use crate::rooms::error::Refusal;
use crate::writer::WriteError;

/// The result of a handler.
pub type AppResult<T> = Result<T, AppError>;

/// An error as the client sees it. `http/problem.rs` writes the response.
#[derive(Clone, Debug)]
pub struct AppError {
    /// The machine-readable kind, which determines the status.
    pub code: ErrorCode,
    /// The human-readable message.
    pub detail: String,
    /// The invalid parts of the input.
    pub errors: Vec<FieldError>,
    /// Seconds until a retry may succeed.
    pub retry_after: Option<u64>,
    /// What the exceeded limit applies to.
    pub scope: Option<LimitScope>,
}

impl AppError {
    /// An error with the default message of its code.
    pub fn new(code: ErrorCode) -> Self {
        Self::because(code, detail(code))
    }

    /// An error with its own message.
    pub fn because(code: ErrorCode, detail: impl Into<String>) -> Self {
        let retry_after = match code {
            ErrorCode::Unavailable | ErrorCode::Overloaded | ErrorCode::OutcomeUnknown => Some(1),
            _ => None,
        };
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after, scope: None }
    }

    /// Invalid input.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(ErrorCode::ValidationFailed) }
    }

    /// One invalid field or parameter.
    pub fn invalid_field(field: &str, code: InvalidCode, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, Invalid::new(code, detail))])
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        status(self.code)
    }
}

/// The HTTP status of each code.
pub fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest | ErrorCode::MalformedJson | ErrorCode::InvalidCursor => {
            StatusCode::BAD_REQUEST
        }
        ErrorCode::AuthenticationRequired | ErrorCode::InvalidToken | ErrorCode::InvalidCredentials => {
            StatusCode::UNAUTHORIZED
        }
        ErrorCode::OriginRefused
        | ErrorCode::RegistrationClosed
        | ErrorCode::AccountDisabled
        | ErrorCode::WrongPassword
        | ErrorCode::AdminOnly
        | ErrorCode::MembersOnly
        | ErrorCode::InsufficientScope
        | ErrorCode::TokenNotAllowed
        | ErrorCode::NotAuthor
        | ErrorCode::NotAllowed
        | ErrorCode::Banned
        | ErrorCode::Muted => StatusCode::FORBIDDEN,
        ErrorCode::NotFound
        | ErrorCode::RoomNotFound
        | ErrorCode::MessageNotFound
        | ErrorCode::UserNotFound
        | ErrorCode::SessionNotFound
        | ErrorCode::TokenNotFound
        | ErrorCode::ResetNotFound
        | ErrorCode::MemberNotFound
        | ErrorCode::InviteNotFound
        | ErrorCode::FileNotFound => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::RoomNameTaken
        | ErrorCode::UsernameTaken
        | ErrorCode::AlreadyMember
        | ErrorCode::LastAdmin
        | ErrorCode::LastOwner
        | ErrorCode::MessageIdReused
        | ErrorCode::RoomIdReused
        | ErrorCode::AttachmentIdReused
        | ErrorCode::MessageDeleted
        | ErrorCode::TooManyReactions
        | ErrorCode::TooManyPins => StatusCode::CONFLICT,
        ErrorCode::ResetGone | ErrorCode::InviteGone | ErrorCode::StreamGone => StatusCode::GONE,
        ErrorCode::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        ErrorCode::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UriTooLong => StatusCode::URI_TOO_LONG,
        ErrorCode::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        ErrorCode::UnsupportedMediaType | ErrorCode::UnsupportedImage => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::ValidationFailed => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
        ErrorCode::RateLimited | ErrorCode::UploadQuota => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        ErrorCode::Internal | ErrorCode::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Unavailable | ErrorCode::Overloaded | ErrorCode::OutcomeUnknown => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// The default message of each code.
pub fn detail(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadRequest => "The request could not be understood.",
        ErrorCode::MalformedJson => "The body must be one JSON object.",
        ErrorCode::InvalidCursor => "The cursor is not valid for this list. Start again without a cursor.",
        ErrorCode::AuthenticationRequired => "Sign in first: POST /api/v1/guests returns a token.",
        ErrorCode::InvalidToken => "The token is unknown, expired or signed out.",
        ErrorCode::InvalidCredentials => "The name or the password is wrong.",
        ErrorCode::OriginRefused => {
            "Requests from a browser must come from a page of this server or from an allowed origin."
        }
        ErrorCode::RegistrationClosed => "This server does not accept new users without an invitation.",
        ErrorCode::AccountDisabled => "An admin of this server has disabled the account.",
        ErrorCode::WrongPassword => "The current password is wrong.",
        ErrorCode::AdminOnly => "Only an admin of this server may do this.",
        ErrorCode::MembersOnly => "This needs an account. Sign up first.",
        ErrorCode::InsufficientScope => "The scopes of this token do not allow this.",
        ErrorCode::TokenNotAllowed => "This needs a session: sign in with a password.",
        ErrorCode::NotAuthor => "Only the author of a message may do this.",
        ErrorCode::NotAllowed => "Your role in this room does not allow this.",
        ErrorCode::Banned => "You are banned from this room.",
        ErrorCode::Muted => "You are muted in this room.",
        ErrorCode::NotFound => "There is no resource at this URL.",
        ErrorCode::RoomNotFound => "There is no such room.",
        ErrorCode::MessageNotFound => "There is no such message in this room.",
        ErrorCode::UserNotFound => "There is no such user.",
        ErrorCode::SessionNotFound => "You have no such session.",
        ErrorCode::TokenNotFound => "You have no such token.",
        ErrorCode::ResetNotFound => "There is no such link.",
        ErrorCode::MemberNotFound => "The room has no such member.",
        ErrorCode::InviteNotFound => "There is no such invite.",
        ErrorCode::FileNotFound => "There is no such file.",
        ErrorCode::MethodNotAllowed => "This URL does not support this method.",
        ErrorCode::RoomNameTaken => "There is a room with that name already.",
        ErrorCode::UsernameTaken => "This name belongs to somebody else, or looks like a name that does.",
        ErrorCode::AlreadyMember => "You have an account already.",
        ErrorCode::LastOwner => "The room needs another owner first.",
        ErrorCode::LastAdmin => "The server needs another admin first.",
        ErrorCode::MessageIdReused => "Another message has this id.",
        ErrorCode::RoomIdReused => "Another room has or had this id.",
        ErrorCode::AttachmentIdReused => "Another file has this id.",
        ErrorCode::MessageDeleted => "The message has been deleted.",
        ErrorCode::TooManyReactions => "This message has 20 different reactions. Use one of them.",
        ErrorCode::TooManyPins => "This room has 50 pinned messages. Unpin one first.",
        ErrorCode::InviteGone => "This invite was revoked, used up, or has expired.",
        ErrorCode::StreamGone => "There is no such stream any more. Open another one and resume by `since`.",
        ErrorCode::ResetGone => {
            "This link was used already, or it has expired. Ask an admin for another one."
        }
        ErrorCode::RequestTimeout => "The request took too long to arrive.",
        ErrorCode::BodyTooLarge => "The body is too large.",
        ErrorCode::RangeNotSatisfiable => "The file has no such bytes.",
        ErrorCode::UriTooLong => "The URL is longer than 4 KiB.",
        ErrorCode::UnsupportedMediaType => {
            "The body must have the media type application/json. A file must have no Content-Encoding."
        }
        ErrorCode::UnsupportedImage => "The picture must be a PNG, JPEG, GIF or WebP image.",
        ErrorCode::ValidationFailed => "The input is not valid; see `errors`.",
        ErrorCode::UpgradeRequired => "This URL accepts only WebSocket connections.",
        ErrorCode::RateLimited => "There were too many requests in a short time. Try again later.",
        ErrorCode::UploadQuota => "This would be more than you may upload per day. Try again later.",
        ErrorCode::StorageFull => "The server has no room for more files.",
        ErrorCode::HeadersTooLarge => {
            "There are more than 64 header fields, or they are larger than 16 KiB in total."
        }
        ErrorCode::Internal | ErrorCode::Unknown => "Something went wrong on the server.",
        ErrorCode::Unavailable => "The server cannot process the request at the moment. Try again.",
        ErrorCode::Overloaded => "The server is busy. Nothing was changed. Try again.",
        ErrorCode::OutcomeUnknown => {
            "The connection to the database was lost: the change may or may not be stored. Repeat the request, with \
             the same id if it has one."
        }
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail)
    }
}

impl ResponseError for AppError {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// The body contains the request id, so `http/problem.rs` adds it.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status());
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<DbError> for AppError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NotFound => Self::new(ErrorCode::NotFound),
            DbError::Conflict(constraint) => match code_of_constraint(&constraint) {
                Some(code) => Self::new(code),
                None => internal(&format!("unexpected conflict with {constraint}")),
            },
            DbError::Unavailable(reason) | DbError::ConnectionLost(reason) => {
                tracing::warn!(reason, "the database is not available");
                Self::new(ErrorCode::Unavailable)
            }
            DbError::Overloaded(reason) => {
                tracing::warn!(reason, "the database is overloaded");
                Self::new(ErrorCode::Overloaded)
            }
            DbError::OutcomeUnknown(reason) => {
                tracing::warn!(reason, "the outcome of a write is unknown");
                Self::new(ErrorCode::OutcomeUnknown)
            }
            DbError::Other(error) => internal(&error),
        }
    }
}

/// The error codes of named database constraints.
fn code_of_constraint(constraint: &str) -> Option<ErrorCode> {
    match constraint {
        db::rooms::NAME_KEY => Some(ErrorCode::RoomNameTaken),
        db::rooms::ID_KEY => Some(ErrorCode::RoomIdReused),
        db::users::ACCOUNT_NAME_KEY | db::users::ACCOUNT_SKELETON_KEY => Some(ErrorCode::UsernameTaken),
        _ => None,
    }
}

impl From<WriteError> for AppError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => refusal.into(),
            WriteError::QueueFull => Self::new(ErrorCode::Overloaded),
            WriteError::OutcomeUnknown => Self::new(ErrorCode::OutcomeUnknown),
            WriteError::Db(error) => error.into(),
        }
    }
}

impl From<Refusal> for AppError {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, retry_after, scope, errors } = refusal;
        let refused = if errors.is_empty() { Self::new(code) } else { Self::invalid(errors) };
        Self { retry_after, scope, ..refused }
    }
}

impl From<AccountError> for AppError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::AlreadyMember => Self::new(ErrorCode::AlreadyMember),
            AccountError::RegistrationClosed => Self::new(ErrorCode::RegistrationClosed),
            AccountError::InvalidCredentials => Self::new(ErrorCode::InvalidCredentials),
            AccountError::Disabled => Self::new(ErrorCode::AccountDisabled),
            AccountError::WrongPassword => Self::new(ErrorCode::WrongPassword),
            AccountError::InvalidPassword(invalid) => {
                Self::invalid(vec![FieldError::new("password", invalid)])
            }
            AccountError::InvalidSetup => {
                let detail = "This setup link is wrong, or the server has its first admin already.";
                Self::invalid_field("setup", InvalidCode::InvalidFormat, detail)
            }
            AccountError::Refused(refusal) => refusal.into(),
            AccountError::NoToken => Self::new(ErrorCode::TokenNotFound),
            AccountError::NoUser => Self::new(ErrorCode::UserNotFound),
            AccountError::LastAdmin => Self::new(ErrorCode::LastAdmin),
            AccountError::NoReset => Self::new(ErrorCode::ResetNotFound),
            AccountError::ResetGone => Self::new(ErrorCode::ResetGone),
            AccountError::Password(PasswordError::Busy) => Self::new(ErrorCode::Overloaded),
            AccountError::Password(PasswordError::Failed(error)) => internal(&error),
            AccountError::Db(error) => error.into(),
        }
    }
}

impl From<Limited> for AppError {
    fn from(limited: Limited) -> Self {
        Self {
            retry_after: Some(limited.retry_after),
            scope: Some(limited.scope),
            ..Self::new(ErrorCode::RateLimited)
        }
    }
}

impl From<QuotaError> for AppError {
    fn from(error: QuotaError) -> Self {
        let whose = |counted| match counted {
            Counted::User => ("you may upload per day", LimitScope::User),
            Counted::GuestsOfAddress => ("guests of your address may upload per day", LimitScope::Ip),
        };
        match error {
            QuotaError::TooMany => Self {
                retry_after: Some(1),
                scope: Some(LimitScope::User),
                ..Self::because(ErrorCode::RateLimited, "You have too many uploads at once.")
            },
            QuotaError::TooLarge { counted, limit } => {
                let (words, scope) = whose(counted);
                let detail = format!("This file is larger than the {} that {words}.", megabytes(limit));
                // It never passes. Waiting for a day keeps a client from repeating it.
                let (retry_after, scope) = (Some(DAY.as_secs()), Some(scope));
                Self { retry_after, scope, ..Self::because(ErrorCode::UploadQuota, detail) }
            }
            QuotaError::Full { counted, limit, retry_after } => {
                let (words, scope) = whose(counted);
                let (limit, wait) = (megabytes(limit), wait_words(retry_after));
                let detail =
                    format!("This would be more than the {limit} that {words}. Try again in {wait}.");
                let (retry_after, scope) = (Some(retry_after), Some(scope));
                Self { retry_after, scope, ..Self::because(ErrorCode::UploadQuota, detail) }
            }
        }
    }
}

/// A limit in the words of the client, for which a megabyte has 1,048,576 bytes.
fn megabytes(limit: u64) -> String {
    format!("{} MB", limit / (1024 * 1024))
}

fn wait_words(seconds: u64) -> String {
    match seconds.div_ceil(60) {
        ..=1 => "a minute".to_owned(),
        minutes @ ..120 => format!("{minutes} minutes"),
        minutes => format!("{} hours", minutes.div_ceil(60)),
    }
}

impl From<FileError> for AppError {
    fn from(error: FileError) -> Self {
        let (code, detail) = match error {
            FileError::TooLarge { limit } => {
                let detail = format!("This file is larger than the limit of {}.", megabytes(limit));
                return Self::because(ErrorCode::BodyTooLarge, detail);
            }
            FileError::Busy => return Self::new(ErrorCode::Overloaded),
            FileError::Store(error) => return error.into(),
            FileError::Image(ImageError::Unsupported) => return Self::new(ErrorCode::UnsupportedImage),
            FileError::Image(ImageError::Undecodable) => {
                (InvalidCode::InvalidFormat, "The picture is damaged.".to_owned())
            }
            FileError::Image(error) => {
                (InvalidCode::OutOfRange, format!("The picture cannot be used: {error}."))
            }
        };
        Self::invalid(vec![FieldError { pointer: String::new(), code, detail }])
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => {
                tracing::warn!("the store of files has no room");
                Self::new(ErrorCode::StorageFull)
            }
            StoreError::NotFound => Self::new(ErrorCode::FileNotFound),
            StoreError::Failed(reason) => {
                tracing::warn!(reason, "the store of files failed");
                Self::new(ErrorCode::Unavailable)
            }
        }
    }
}

impl From<SocketRefusal> for AppError {
    fn from(refusal: SocketRefusal) -> Self {
        let (scope, words) = match refusal {
            SocketRefusal::Draining => {
                return Self::because(ErrorCode::Unavailable, "The server is stopping. Try again.");
            }
            SocketRefusal::User => (LimitScope::User, "You have too many sockets open."),
            SocketRefusal::Address => (LimitScope::Ip, "Your address has too many sockets open."),
            SocketRefusal::Server => (LimitScope::Server, "The server has too many sockets open."),
        };
        Self { retry_after: Some(5), scope: Some(scope), ..Self::because(ErrorCode::RateLimited, words) }
    }
}

/// A bug of the server: the cause is logged, but not sent to the client.
fn internal(cause: &dyn fmt::Display) -> AppError {
    tracing::error!(%cause, "internal error");
    AppError::new(ErrorCode::Internal)
}
