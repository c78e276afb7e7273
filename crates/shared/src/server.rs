//! What a client can learn about the server it talks to.

use serde::{Deserialize, Serialize};

use crate::text::Length;

/// About the server.
pub const SERVER_PATH: &str = "/api/v1/server";
/// The WebSocket.
pub const SOCKET_PATH: &str = "/api/v1/ws";
/// The subprotocol of the WebSocket.
pub const SOCKET_PROTOCOL: &str = "parlance.v1.json";

/// The answer of `GET /server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerInfo {
    /// What this server calls itself.
    pub name: String,
    /// Its version (semver).
    pub version: String,
    /// What it accepts.
    pub limits: Limits,
    /// What it can do beyond the base contract.
    pub features: Vec<String>,
}

/// What the server accepts. Text lengths are Unicode scalar values after trimming.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// A guest's name.
    pub guest_username: Length,
    /// A room's name.
    pub room_name: Length,
    /// A message by a guest.
    pub guest_message: Length,
    /// A message by a member.
    pub member_message: Length,
    /// Items on a page when the client does not say.
    pub page_default: u32,
    /// Items on a page at most.
    pub page_max: u32,
    /// Bytes of a request's body and of a socket message at most.
    pub body_bytes: usize,
}
