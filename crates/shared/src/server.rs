//! Information about the server.

use serde::{Deserialize, Serialize};

use crate::admin::{Guests, Registration};
use crate::text::Length;

/// The URL path of the server information.
pub const SERVER_PATH: &str = "/api/v1/server";
/// The URL path of the WebSocket.
pub const SOCKET_PATH: &str = "/api/v1/ws";
/// The subprotocol of the WebSocket.
pub const SOCKET_PROTOCOL: &str = "parlance.v1.json";

/// The response of `GET /server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerInfo {
    /// The name of the server.
    pub name: String,
    /// The version of the server, as Semantic Versioning.
    pub version: String,
    /// The limits of the input.
    pub limits: Limits,
    /// Optional features that the server supports.
    pub features: Vec<String>,
    /// The version of Unicode Emoji whose emoji may be reactions.
    pub emoji_version: String,
    /// Who may create an account.
    pub registration: Registration,
    /// Who may come as a guest.
    pub guests: Guests,
    /// Whether public rooms can be read without signing in.
    pub is_open: bool,
}

/// The limits of the input. Text lengths are counted in Unicode scalar values after trimming.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// The length of a guest's name.
    pub guest_username: Length,
    /// The length of a room's name.
    pub room_name: Length,
    /// The length of a message from a guest.
    pub guest_message: Length,
    /// The length of a message from a member.
    pub member_message: Length,
    /// The number of items on a page unless the client requests another.
    pub page_default: u32,
    /// The maximum number of items on a page.
    pub page_max: u32,
    /// The maximum size of a request body and of a WebSocket message, in bytes.
    pub body_bytes: usize,
    /// The maximum size of a file of a message, in bytes.
    pub upload_bytes: u64,
    /// How many bytes of files a member may upload per day; absent without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub member_upload_bytes_per_day: Option<u64>,
    /// The same of a guest, who shares a limit with the others of the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub guest_upload_bytes_per_day: Option<u64>,
    /// The maximum size of the picture of a user or room, in bytes.
    pub avatar_bytes: u64,
    /// The maximum number of files of a message.
    pub attachments: usize,
}
