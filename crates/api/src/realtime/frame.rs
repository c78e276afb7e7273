//! Outgoing WebSocket frames (RFC 6455): encoded once, shared by all sockets.

use std::sync::Arc;

use actix_http::ws::{self, CloseReason, Codec};
use bytes::{Bytes, BytesMut};
use shared::events::{CloseCode, ServerEvent};
use shared::ids::{Rev, RoomId};
use tokio_util::codec::Encoder as _;

use super::budget::Budget;

/// The reason of [`CloseCode::FrameRate`]. After this time the bucket holds enough frames for a resume.
const FRAME_RATE_REASON: &str = "Too many frames: wait 5 seconds.";

/// An encoded frame, header included. Clones share the bytes.
#[derive(Clone, Debug)]
pub struct Frame(Arc<Encoded>);

#[derive(Debug)]
struct Encoded {
    bytes: Bytes,
    /// The room that it tells of.
    room_id: Option<RoomId>,
    /// The number of the change, or that at which a subscription begins.
    rev: Option<Rev>,
    budget: Arc<Budget>,
}

impl Drop for Encoded {
    fn drop(&mut self) {
        self.budget.release(self.bytes.len());
    }
}

impl Frame {
    /// The text frame of an event. `None` if the event cannot be serialized, which is a bug.
    pub fn event(budget: &Arc<Budget>, event: &ServerEvent) -> Option<Self> {
        match serde_json::to_string(event) {
            Ok(json) => {
                let rev = match event {
                    ServerEvent::Subscribed { rev, .. } => Some(*rev),
                    other => other.rev(),
                };
                Some(Self::encode(budget, ws::Message::Text(json.into()), event.room_id(), rev))
            }
            Err(error) => {
                tracing::error!(%error, "an event could not be serialized");
                None
            }
        }
    }

    /// A ping, which browsers answer automatically.
    pub fn ping(budget: &Arc<Budget>) -> Self {
        Self::encode(budget, ws::Message::Ping(Bytes::new()), None, None)
    }

    /// The answer to a client's ping.
    pub fn pong(budget: &Arc<Budget>, payload: Bytes) -> Self {
        Self::encode(budget, ws::Message::Pong(payload), None, None)
    }

    /// The encoded frame.
    pub fn bytes(&self) -> Bytes {
        self.0.bytes.clone()
    }

    /// The event as JSON, for transports other than the WebSocket: the payload of the frame (RFC 6455, section 5.2).
    pub fn json(&self) -> &[u8] {
        let bytes = &self.0.bytes;
        let header = match bytes.get(1) {
            Some(126) => 4,
            Some(127) => 10,
            _ => 2,
        };
        bytes.get(header..).unwrap_or_default()
    }

    /// The type of the event. It comes first in the JSON of a tagged enum.
    pub fn event_type(&self) -> &str {
        let tag = self.json().split(|byte| *byte == b'"').nth(3);
        tag.and_then(|tag| std::str::from_utf8(tag).ok()).unwrap_or_default()
    }

    /// The number of the change, or that at which a subscription begins.
    pub fn rev(&self) -> Option<Rev> {
        self.0.rev
    }

    /// The room that it tells of.
    pub fn room_id(&self) -> Option<RoomId> {
        self.0.room_id
    }

    /// The length of the encoded frame, in bytes.
    pub fn len(&self) -> usize {
        self.0.bytes.len()
    }

    /// Always false, because each frame has a header.
    pub fn is_empty(&self) -> bool {
        self.0.bytes.is_empty()
    }

    fn encode(budget: &Arc<Budget>, message: ws::Message, room_id: Option<RoomId>, rev: Option<Rev>) -> Self {
        let bytes = encode(message);
        budget.charge(bytes.len());
        Self(Arc::new(Encoded { bytes, room_id, rev, budget: budget.clone() }))
    }
}

/// The close frame, which is the last frame of a socket.
pub fn close(code: CloseCode) -> Bytes {
    let description = (code == CloseCode::FrameRate).then(|| FRAME_RATE_REASON.to_owned());
    encode(ws::Message::Close(Some(CloseReason { code: code.number().into(), description })))
}

/// Encodes a message. Only continuations could fail, which are never sent.
fn encode(message: ws::Message) -> Bytes {
    let mut bytes = BytesMut::new();
    if let Err(error) = Codec::new().encode(message, &mut bytes) {
        tracing::error!(%error, "a frame could not be encoded");
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_counts_against_the_budget_until_its_last_clone_is_dropped() {
        let budget = Arc::new(Budget::new(5));
        let frame = Frame::pong(&budget, Bytes::from_static(b"hello"));
        assert_eq!(frame.len(), 7);
        assert!(budget.is_exceeded());
        let clone = frame.clone();
        drop(frame);
        assert!(budget.is_exceeded());
        drop(clone);
        assert!(!budget.is_exceeded());
    }

    #[test]
    fn the_json_of_an_event_is_the_payload_of_its_frame() {
        let budget = Arc::new(Budget::new(usize::MAX));
        for length in [1, 200, 70_000] {
            let event = ServerEvent::Pong { id: "x".repeat(length) };
            let frame = Frame::event(&budget, &event).expect("it is JSON");
            assert_eq!(frame.json(), serde_json::to_vec(&event).expect("it is JSON"));
            assert_eq!(frame.event_type(), "pong");
        }
    }

    #[test]
    fn a_close_frame_carries_its_code_and_reason() {
        assert_eq!(close(CloseCode::Restart)[..], [0x88, 2, 0x03, 0xF4]);
        assert!(close(CloseCode::FrameRate).ends_with(FRAME_RATE_REASON.as_bytes()));
    }
}
