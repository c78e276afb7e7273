//! What can go wrong, as the wire has it: RFC 9457 problem details with a closed set of codes.

use serde::{Deserialize, Serialize};

use crate::text::{Invalid, InvalidCode};

/// The media type of every error's body.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";
/// Where every kind of problem is described, each under its code.
pub const PROBLEMS_PATH: &str = "/docs/problems";

/// What happened. Stable: clients decide by it, the texts are for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request cannot be read as HTTP of this API.
    BadRequest,
    /// The body is no JSON, nests too deeply or repeats a key.
    MalformedJson,
    /// The cursor was not made by this server.
    InvalidCursor,
    /// One must be somebody to do this.
    AuthenticationRequired,
    /// The token is unknown, expired or signed out.
    InvalidToken,
    /// The name or the password is wrong.
    InvalidCredentials,
    /// A request with a cookie came from another site.
    OriginRefused,
    /// The server accepts no new accounts or guests.
    RegistrationClosed,
    /// An admin disabled the account.
    AccountDisabled,
    /// The current password is wrong.
    WrongPassword,
    /// Only an admin of the server may do this.
    AdminOnly,
    /// Only a user with an account may do this.
    MembersOnly,
    /// The token's scopes do not allow it.
    InsufficientScope,
    /// An API token cannot be used for this.
    TokenNotAllowed,
    /// Only its author may change a message.
    NotAuthor,
    /// The role of the caller does not allow it.
    NotAllowed,
    /// The caller is banned from the room.
    Banned,
    /// The caller is muted in the room; `retry_after` says for how long.
    Muted,
    /// There is no such path.
    NotFound,
    /// There is no such room.
    RoomNotFound,
    /// There is no such message in that room.
    MessageNotFound,
    /// There is no such user, or the caller may not see them.
    UserNotFound,
    /// The caller has no such session.
    SessionNotFound,
    /// The caller has no such token.
    TokenNotFound,
    /// There is no such link to reset a password.
    ResetNotFound,
    /// The room has no such member.
    MemberNotFound,
    /// There is no such invite.
    InviteNotFound,
    /// There is no such file, or the caller may not see it.
    FileNotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// A room has that name.
    RoomNameTaken,
    /// An account has that name.
    UsernameTaken,
    /// The user has an account already.
    AlreadyMember,
    /// The server needs another admin first.
    LastAdmin,
    /// The room needs another owner first.
    LastOwner,
    /// Another message has that id.
    MessageIdReused,
    /// Another room has that id.
    RoomIdReused,
    /// Another file has that id.
    AttachmentIdReused,
    /// A deleted message cannot be edited.
    MessageDeleted,
    /// The message has as many different reactions as it can have.
    TooManyReactions,
    /// The room has as many pinned messages as it can have.
    TooManyPins,
    /// The link to reset a password was used or has expired.
    ResetGone,
    /// The invite was revoked, used up or has expired.
    InviteGone,
    /// The stream is unknown, closed, or of another session.
    StreamGone,
    /// The head or the body of the request took too long to come.
    RequestTimeout,
    /// The body is larger than the path allows: 64 KiB of JSON, or the limits of files that `GET /server` names.
    BodyTooLarge,
    /// The URL is longer than 4 KiB.
    UriTooLong,
    /// The file has no such bytes.
    RangeNotSatisfiable,
    /// The body is not `application/json`, or a file has a `Content-Encoding`.
    UnsupportedMediaType,
    /// The image is none of PNG, JPEG, GIF and WebP.
    UnsupportedImage,
    /// The input breaks a rule; `errors` says which.
    ValidationFailed,
    /// This path speaks WebSocket only.
    UpgradeRequired,
    /// Too much in too little time; `retry_after` says when to come back.
    RateLimited,
    /// More bytes than may be uploaded in a day.
    UploadQuota,
    /// The header block is larger than 16 KiB.
    HeadersTooLarge,
    /// A fault of the server.
    Internal,
    /// The server cannot do it now, for want of its database or because it is stopping.
    Unavailable,
    /// The server is busy; nothing was done.
    Overloaded,
    /// The server has no room for more files.
    StorageFull,
    /// The database went away in the middle: the change may or may not be stored. Repeat it, with the same id if it has one.
    OutcomeUnknown,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

impl ErrorCode {
    /// All codes that this version knows.
    pub const ALL: [Self; 59] = [
        Self::BadRequest,
        Self::MalformedJson,
        Self::InvalidCursor,
        Self::AuthenticationRequired,
        Self::InvalidToken,
        Self::InvalidCredentials,
        Self::OriginRefused,
        Self::RegistrationClosed,
        Self::AccountDisabled,
        Self::WrongPassword,
        Self::AdminOnly,
        Self::MembersOnly,
        Self::InsufficientScope,
        Self::TokenNotAllowed,
        Self::NotAuthor,
        Self::NotAllowed,
        Self::Banned,
        Self::Muted,
        Self::NotFound,
        Self::RoomNotFound,
        Self::MessageNotFound,
        Self::UserNotFound,
        Self::SessionNotFound,
        Self::TokenNotFound,
        Self::ResetNotFound,
        Self::MemberNotFound,
        Self::InviteNotFound,
        Self::FileNotFound,
        Self::MethodNotAllowed,
        Self::RoomNameTaken,
        Self::UsernameTaken,
        Self::AlreadyMember,
        Self::LastAdmin,
        Self::LastOwner,
        Self::MessageIdReused,
        Self::RoomIdReused,
        Self::AttachmentIdReused,
        Self::MessageDeleted,
        Self::TooManyReactions,
        Self::TooManyPins,
        Self::ResetGone,
        Self::InviteGone,
        Self::StreamGone,
        Self::RequestTimeout,
        Self::BodyTooLarge,
        Self::UriTooLong,
        Self::RangeNotSatisfiable,
        Self::UnsupportedMediaType,
        Self::UnsupportedImage,
        Self::ValidationFailed,
        Self::UpgradeRequired,
        Self::RateLimited,
        Self::UploadQuota,
        Self::HeadersTooLarge,
        Self::Internal,
        Self::Unavailable,
        Self::Overloaded,
        Self::StorageFull,
        Self::OutcomeUnknown,
    ];

    /// The code as the wire has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::MalformedJson => "malformed_json",
            Self::InvalidCursor => "invalid_cursor",
            Self::AuthenticationRequired => "authentication_required",
            Self::InvalidToken => "invalid_token",
            Self::InvalidCredentials => "invalid_credentials",
            Self::OriginRefused => "origin_refused",
            Self::RegistrationClosed => "registration_closed",
            Self::AccountDisabled => "account_disabled",
            Self::WrongPassword => "wrong_password",
            Self::AdminOnly => "admin_only",
            Self::MembersOnly => "members_only",
            Self::InsufficientScope => "insufficient_scope",
            Self::TokenNotAllowed => "token_not_allowed",
            Self::NotAuthor => "not_author",
            Self::NotAllowed => "not_allowed",
            Self::Banned => "banned",
            Self::Muted => "muted",
            Self::NotFound => "not_found",
            Self::RoomNotFound => "room_not_found",
            Self::MessageNotFound => "message_not_found",
            Self::UserNotFound => "user_not_found",
            Self::SessionNotFound => "session_not_found",
            Self::TokenNotFound => "token_not_found",
            Self::ResetNotFound => "reset_not_found",
            Self::MemberNotFound => "member_not_found",
            Self::InviteNotFound => "invite_not_found",
            Self::FileNotFound => "file_not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RoomNameTaken => "room_name_taken",
            Self::UsernameTaken => "username_taken",
            Self::AlreadyMember => "already_member",
            Self::LastAdmin => "last_admin",
            Self::LastOwner => "last_owner",
            Self::MessageIdReused => "message_id_reused",
            Self::RoomIdReused => "room_id_reused",
            Self::AttachmentIdReused => "attachment_id_reused",
            Self::MessageDeleted => "message_deleted",
            Self::TooManyReactions => "too_many_reactions",
            Self::TooManyPins => "too_many_pins",
            Self::ResetGone => "reset_gone",
            Self::InviteGone => "invite_gone",
            Self::StreamGone => "stream_gone",
            Self::RequestTimeout => "request_timeout",
            Self::BodyTooLarge => "body_too_large",
            Self::UriTooLong => "uri_too_long",
            Self::RangeNotSatisfiable => "range_not_satisfiable",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::UnsupportedImage => "unsupported_image",
            Self::ValidationFailed => "validation_failed",
            Self::UpgradeRequired => "upgrade_required",
            Self::RateLimited => "rate_limited",
            Self::UploadQuota => "upload_quota",
            Self::HeadersTooLarge => "headers_too_large",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::StorageFull => "storage_full",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Unknown => "unknown",
        }
    }
}

/// The body of every answer that is an error (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A URI reference that names the kind of problem and leads to its description.
    #[serde(rename = "type")]
    #[cfg_attr(
        feature = "openapi",
        schema(format = "uri-reference", example = "/docs/problems#room_not_found")
    )]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(minimum = 400, maximum = 599))]
    pub status: u16,
    /// What happened and what to do, in a sentence.
    pub detail: String,
    /// What happened, for programs.
    pub code: ErrorCode,
    /// Finds the request in the server's log.
    pub request_id: String,
    /// What is wrong with which part of the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Seconds after which the request may succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub retry_after: Option<u64>,
    /// Whose rate limit was hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub scope: Option<LimitScope>,
}

/// What is wrong with one part of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// A JSON Pointer (RFC 6901) into the body, or `/` and the name of a query parameter.
    #[cfg_attr(feature = "openapi", schema(format = "json-pointer", example = "/name"))]
    pub pointer: String,
    /// What is wrong, for programs.
    pub code: InvalidCode,
    /// What is wrong, in a sentence.
    pub detail: String,
}

impl FieldError {
    /// The refusal of the body's or query's `field`.
    pub fn new(field: &str, invalid: Invalid) -> Self {
        Self { pointer: format!("/{field}"), code: invalid.code, detail: invalid.detail }
    }
}

/// What a rate limit counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LimitScope {
    /// The user.
    User,
    /// The network address.
    Ip,
    /// The room.
    Room,
    /// The whole server.
    Server,
    /// A scope that this version does not know.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codes_name_is_what_the_wire_has() {
        for code in ErrorCode::ALL.into_iter().chain([ErrorCode::Unknown]) {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }
}
