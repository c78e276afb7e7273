//! Information about the server.

use serde::{Deserialize, Serialize};

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
}
