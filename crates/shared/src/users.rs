//! Users: guests, members and bots by the same type.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::text::{self, Invalid, Length};
use crate::timestamp::Timestamp;

/// The URL path where guests are created.
pub const GUESTS_PATH: &str = "/api/v1/guests";
/// The URL path of accounts: sign-up, and the list of members.
pub const USERS_PATH: &str = "/api/v1/users";
/// The URL path of the user who makes the request.
pub const CURRENT_USER_PATH: &str = "/api/v1/users/me";
/// The URL path of their password.
pub const PASSWORD_PATH: &str = "/api/v1/users/me/password";
/// The URL path where the user deletes themselves.
pub const DELETION_PATH: &str = "/api/v1/users/me/deletion";
/// The URL path where a link to a new password is used.
pub const PASSWORD_RESETS_PATH: &str = "/api/v1/password-resets";

/// The URL path of a user.
pub fn user_path(id: UserId) -> String {
    format!("{USERS_PATH}/{id}")
}

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
    /// The path of their picture; absent without one. `?size=64` is a smaller picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub avatar_url: Option<String>,
    /// Since when they exist.
    pub created_at: Timestamp,
    /// When they deleted themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub deleted_at: Option<Timestamp>,
}

/// A user as they see themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// What everybody may see.
    #[serde(flatten)]
    pub user: User,
    /// Whether the user administers the server.
    pub is_admin: bool,
    /// Whether the user has a password. Guests have none.
    pub has_password: bool,
}

/// What a user is called. Guests may share a name; none may take an account's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// How long a guest's name is.
    pub const GUEST_LENGTH: Length = Length { min: 4, max: 20 };
    /// How long the name of an account is.
    pub const ACCOUNT_LENGTH: Length = Length { min: 2, max: 32 };

    /// A guest's name, trimmed.
    pub fn parse_guest(text: &str) -> Result<Self, Invalid> {
        text::check_distinct_name(text, Self::GUEST_LENGTH, "Your name").map(Self)
    }

    /// The name of an account, trimmed: letters and digits of any script, `_`, `.`, `-` and single spaces.
    pub fn parse_account(text: &str) -> Result<Self, Invalid> {
        let name = Self::for_account(text)?;
        text::check_account_name(name.as_str())?;
        Ok(name)
    }

    /// The name of an account, trimmed, whose characters are not checked. The client uses it: the tables of all letters
    /// would make it larger, and the server checks them.
    pub fn for_account(text: &str) -> Result<Self, Invalid> {
        text::check_name(text, Self::ACCOUNT_LENGTH, "Your name").map(Self)
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
    /// The secret of an invite. It is redeemed, and lets in where guests need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub invite: Option<String>,
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

/// Creates an account: the body of `POST /users`. Sent by a guest, it turns the guest into the member.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateUser {
    /// 2 to 32 characters after trimming.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::account_name))]
    pub username: Username,
    /// 8 to 128 characters, none of the most common passwords, and not the name.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::password))]
    pub password: Password,
    /// The secret of an invite. It is redeemed, and lets in where registration is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub invite: Option<String>,
    /// The secret that the server prints at its start while it has no admin. It makes the account an admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub setup: Option<String>,
}

/// Changes the user who makes the request: the body of `PATCH /users/me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateUser {
    /// The new name. Guests keep to the rules for guests, members to those for accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::any_name, required = false))]
    pub username: Option<Username>,
}

/// Changes the password: the body of `PUT /users/me/password`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangePassword {
    /// The password until now.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub current_password: Password,
    /// The new password.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::password))]
    pub new_password: Password,
}

/// Sets a new password by a link: the body of `POST /password-resets`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResetPassword {
    /// The secret of the link: what follows `/reset#`.
    pub token: String,
    /// The new password.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::password))]
    pub new_password: Password,
}

/// What becomes of the messages of a user who deletes themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeletedMessages {
    /// They stay, under "Deleted user".
    Keep,
    /// They are deleted, too.
    Erase,
}

impl DeletedMessages {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Erase => "erase",
        }
    }
}

/// Deletes the user who makes the request: the body of `POST /users/me/deletion`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeleteUser {
    /// The password, of users who have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, nullable = false))]
    pub password: Option<Password>,
    /// What becomes of the messages.
    pub messages: DeletedMessages,
}

/// A password. It is not trimmed, and its text is never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// How long a password is.
    pub const LENGTH: Length = Length { min: 8, max: 128 };

    /// Validates a new password. The server also refuses common passwords.
    pub fn parse_new(text: &str) -> Result<Self, Invalid> {
        text::check_password(text, Self::LENGTH).map(|()| Self(text.to_owned()))
    }

    /// Takes a password that is compared with the stored one. One that cannot be right is not refused here.
    pub fn to_compare(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

/// The response to signing up or in: the user and the token of the new session. The token is shown once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedIn {
    /// The user.
    pub user: Me,
    /// For `Authorization: Bearer`; browsers use the cookie that comes with it.
    #[cfg_attr(feature = "openapi", schema(min_length = 1))]
    pub token: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_account_has_letters_digits_and_a_few_signs() {
        for name in ["al", " Grace Hopper ", "日本", "grace.h_1-2", "Ünïcode", "हिन्दी"] {
            assert!(Username::parse_account(name).is_ok(), "{name}");
        }
        for name in ["a", "two  spaces", "a@b", "semi;colon", "smile😀", "a/b", &"x".repeat(33)] {
            assert!(Username::parse_account(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_password_has_8_to_128_characters_and_is_not_trimmed() {
        assert_eq!(Password::parse_new("  spaces  ").unwrap().as_str(), "  spaces  ");
        assert!(Password::parse_new("short").is_err());
        assert!(Password::parse_new(&"é".repeat(128)).is_ok());
        assert!(Password::parse_new(&"é".repeat(129)).is_err());
        assert!(!format!("{:?}", Password::to_compare("secret")).contains("secret"));
    }

    #[test]
    fn a_guests_name_has_four_to_twenty_characters() {
        assert!(Username::parse_guest("ada").is_err());
        assert_eq!(Username::parse_guest("  adam ").unwrap().as_str(), "adam");
        assert!(Username::parse_guest(&"a".repeat(20)).is_ok());
        assert!(Username::parse_guest(&"a".repeat(21)).is_err());
    }
}
