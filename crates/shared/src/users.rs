//! Users: guests now, members and bots by the same type.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::text::{self, Invalid, Length};
use crate::timestamp::Timestamp;

/// Where one becomes a guest.
pub const GUESTS_PATH: &str = "/api/v1/guests";
/// Who one is.
pub const CURRENT_USER_PATH: &str = "/api/v1/users/me";
/// The session one is signed in with.
pub const CURRENT_SESSION_PATH: &str = "/api/v1/sessions/current";

/// What a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// Came with a name and nothing else.
    Guest,
    /// Has an account.
    Member,
    /// A program.
    Bot,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A user as everybody may see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct User {
    /// Who it is, for ever.
    pub id: UserId,
    /// What they are called.
    pub username: Username,
    /// What they are.
    pub kind: UserKind,
    /// Since when they exist.
    pub created_at: Timestamp,
}

/// What a user is called. Guests may share a name; none may take an account's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// How long a guest's name is.
    pub const GUEST_LENGTH: Length = Length { min: 4, max: 20 };

    /// A guest's name, trimmed.
    pub fn parse_guest(text: &str) -> Result<Self, Invalid> {
        text::check_name(text, Self::GUEST_LENGTH, "Your name").map(Self)
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

/// Becomes a guest: the body of `POST /guests`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateGuest {
    /// 4 to 20 characters after trimming.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::guest_name))]
    pub username: Username,
}

/// A new guest and the token that proves it. The token is shown once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Guest {
    /// The guest.
    pub user: User,
    /// For `Authorization: Bearer`; browsers use the cookie that comes with it.
    #[cfg_attr(feature = "openapi", schema(min_length = 1))]
    pub token: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_name_has_four_to_twenty_characters() {
        assert!(Username::parse_guest("ada").is_err());
        assert_eq!(Username::parse_guest("  adam ").unwrap().as_str(), "adam");
        assert!(Username::parse_guest(&"a".repeat(20)).is_ok());
        assert!(Username::parse_guest(&"a".repeat(21)).is_err());
    }
}
