//! What admins see and change.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::timestamp::Timestamp;
use crate::users::User;

/// What the URL paths for admins begin with.
pub const ADMIN_PATH: &str = "/api/v1/admin";
/// The URL path of the list of users for admins.
pub const ADMIN_USERS_PATH: &str = "/api/v1/admin/users";
/// The URL path of the settings that admins change.
pub const ADMIN_SETTINGS_PATH: &str = "/api/v1/admin/settings";

/// The URL path of a user for admins.
pub fn admin_user_path(id: UserId) -> String {
    format!("{ADMIN_USERS_PATH}/{id}")
}

/// The URL path where an admin makes a link to a new password.
pub fn password_reset_path(id: UserId) -> String {
    format!("{ADMIN_USERS_PATH}/{id}/password-reset")
}

/// A user as admins see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminUser {
    /// What everybody may see.
    #[serde(flatten)]
    pub user: User,
    /// Whether the user administers the server.
    pub is_admin: bool,
    /// Whether an admin disabled the account.
    pub is_disabled: bool,
}

/// Changes a user: the body of `PATCH /admin/users/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateAdminUser {
    /// Whether the user administers the server. Only members can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub is_admin: Option<bool>,
    /// Whether the user is locked out: sessions end, and signing in is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub is_disabled: Option<bool>,
}

/// A link that lets a user choose a new password once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordReset {
    /// The link. It is shown once.
    pub url: String,
    /// When it becomes useless.
    pub expires_at: Timestamp,
}

/// Who may sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Everybody.
    Open,
    /// Nobody.
    Closed,
}

/// Who may come as a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Guests {
    /// Everybody.
    Open,
    /// Those with an invite.
    Invited,
    /// Nobody.
    Off,
}

impl Registration {
    /// All values.
    pub const ALL: [Self; 2] = [Self::Open, Self::Closed];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl Guests {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Open, Self::Invited, Self::Off];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invited => "invited",
            Self::Off => "off",
        }
    }
}

/// The settings of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerSettings {
    /// Who may sign up.
    pub registration: Registration,
    /// Who may come as a guest.
    pub guests: Guests,
}

/// Changes the settings: the body of `PATCH /admin/settings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateServerSettings {
    /// Who may sign up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub registration: Option<Registration>,
    /// Who may come as a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub guests: Option<Guests>,
}
