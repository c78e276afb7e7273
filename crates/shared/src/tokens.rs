//! Personal API tokens: for programs that act for a member.

use serde::{Deserialize, Serialize};

use crate::ids::TokenId;
use crate::text::{self, Invalid, Length};
use crate::timestamp::Timestamp;
use crate::users::Password;

/// The URL path of the caller's tokens.
pub const TOKENS_PATH: &str = "/api/v1/tokens";

/// The URL path of a token.
pub fn token_path(id: TokenId) -> String {
    format!("{TOKENS_PATH}/{id}")
}

/// What a token may be used for. None implies another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Safe methods, and sockets that only listen.
    Read,
    /// Methods that change something, and typing.
    Write,
    /// The paths of admins, beside `read` or `write`, if the user is an admin.
    Admin,
    /// A scope that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Scope {
    /// All scopes that this version knows.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::Unknown => "unknown",
        }
    }
}

/// What a token is for, in the user's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenName(String);

impl TokenName {
    /// How long it is.
    pub const LENGTH: Length = Length { min: 1, max: 50 };

    /// Validates a name and trims it.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        text::check_name(text, Self::LENGTH, "The name").map(Self)
    }

    /// A name that was checked when it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The longest lifetime of a token in seconds: ten years.
pub const MAX_LIFETIME_SECONDS: i64 = 10 * 366 * 24 * 60 * 60;

/// Creates a token: the body of `POST /tokens`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateToken {
    /// What it is for.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::token_name))]
    pub name: TokenName,
    /// What it may be used for; at least one.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::scopes))]
    pub scopes: Vec<Scope>,
    /// The user's password.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub password: Password,
    /// Seconds until it expires. Without it, the token does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, minimum = 1, maximum = 316_224_000))]
    pub expires_in_seconds: Option<i64>,
}

/// A token of the caller, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// The id.
    pub id: TokenId,
    /// What it is for.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::token_name))]
    pub name: TokenName,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last used, to within an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub last_used_at: Option<Timestamp>,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub expires_at: Option<Timestamp>,
}

/// A new token. Its secret is shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewToken {
    /// For `Authorization: Bearer`.
    #[cfg_attr(feature = "openapi", schema(min_length = 1))]
    pub token: String,
    /// What is known of it.
    pub info: Token,
}

/// The response of `GET /tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// The tokens, newest first.
    pub items: Vec<Token>,
}
