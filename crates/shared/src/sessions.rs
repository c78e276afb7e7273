//! Sessions: where a user is signed in.

use serde::{Deserialize, Serialize};

use crate::ids::SessionId;
use crate::timestamp::Timestamp;
use crate::users::Password;

/// The URL path of the caller's sessions: sign-in, list, end.
pub const SESSIONS_PATH: &str = "/api/v1/sessions";
/// The URL path of the session of the request.
pub const CURRENT_SESSION_PATH: &str = "/api/v1/sessions/current";

/// The URL path of a session.
pub fn session_path(id: SessionId) -> String {
    format!("{SESSIONS_PATH}/{id}")
}

/// Signs in: the body of `POST /sessions`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateSession {
    /// The name of the account, regardless of case.
    pub username: String,
    /// The password.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub password: Password,
}

/// A session of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When the session was last used, to within an hour.
    pub last_seen_at: Timestamp,
    /// The program that signed in, as it called itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub user_agent: Option<String>,
    /// The network address from which the user signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub address: Option<String>,
    /// Whether it is the session of the request.
    pub is_current: bool,
}

/// The response of `GET /sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sessions {
    /// The sessions, newest first.
    pub items: Vec<Session>,
}
