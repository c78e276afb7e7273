//! Streams: a socket made of two halves, for networks that pass no WebSocket on.

use serde::{Deserialize, Serialize};

use crate::events::ServerEvent;
use crate::ids::StreamId;

/// The URL path of streams.
pub const STREAMS_PATH: &str = "/api/v1/streams";
/// How many commands one request may have.
pub const MAX_COMMANDS: usize = 100;
/// How long a request may wait for events or changes, in seconds.
pub const MAX_WAIT_SECONDS: u32 = 30;

/// A new stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewStream {
    /// The id of the stream.
    pub id: StreamId,
    /// What a socket says first.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub hello: ServerEvent,
}

/// Events of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamEvents {
    /// The events, in order.
    pub events: Vec<StreamEvent>,
    /// The `after` of the next request.
    pub next: u64,
}

/// An event of a stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamEvent {
    /// The number of the event in the stream, from 1.
    pub n: u64,
    /// The event, as on the socket.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub event: ServerEvent,
}
