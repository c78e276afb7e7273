//! Outgoing frames: the response body of a socket.
//!
//! The dispatcher of actix-http polls this body, copies the bytes into the connection's write buffer and writes them to
//! the kernel. Frames that wait together are written together.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::{Bytes, BytesMut};
use thiserror::Error;

use crate::realtime::frame::{self, Frame};
use crate::realtime::hub::Registration;
use crate::realtime::outbox::{Finish, Next};
use crate::realtime::queue::Chunk;

/// The dispatcher asks for more only while its write buffer holds less than this, in bytes. So the buffer, of 8 KiB at
/// first, has room for a chunk of frames and grows only for a backlog. It still takes the head of an HTTP
/// response and its body into one write.
pub const WRITE_BUFFER_BYTES: usize = 1024;
/// A frame larger than this, such as a list of people, leaves in pieces. Only the part of a buffer that was ever used
/// takes memory.
const LARGE_FRAME_BYTES: usize = 4 * 1024;
const PIECE_BYTES: usize = 2 * 1024;
/// After this many bytes other connections get their turn.
const TURN_BYTES: usize = 64 * 1024;

/// Sends the frames of an outbox. Dropping it ends the connection.
pub(super) struct Frames {
    registration: Registration,
    /// The body of the handshake's response. It is kept because its drop ends the message stream.
    _handshake: BoxBody,
    /// What is left of the frames that are being sent.
    rest: Bytes,
    /// Whether it is a large frame.
    is_large: bool,
    /// The number of bytes since other connections last had their turn.
    sent: usize,
}

/// An error that ends the connection immediately. If the body ended without an error, the connection would stay open
/// until a timeout, because its request has no end. The client waits for the server to close first (RFC 6455, section
/// 7.1.1).
#[derive(Debug, Error)]
#[error("the WebSocket is closed")]
pub(super) struct Closed;

impl Frames {
    pub(super) fn new(registration: Registration, handshake: BoxBody) -> Self {
        Self { registration, _handshake: handshake, rest: Bytes::new(), is_large: false, sent: 0 }
    }
}

impl MessageBody for Frames {
    type Error = Closed;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Closed>>> {
        if self.sent >= TURN_BYTES {
            self.sent = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.rest.is_empty() {
            self.rest = match self.registration.connection().outbox.poll_next(context) {
                Poll::Ready(Next::Frames(Chunk::One(frame))) => {
                    self.is_large = frame.len() > LARGE_FRAME_BYTES;
                    frame.bytes()
                }
                Poll::Ready(Next::Frames(Chunk::Many(frames))) => {
                    self.is_large = false;
                    join(&frames)
                }
                Poll::Ready(Next::Close(code)) => frame::close(code),
                Poll::Ready(Next::Finish(Finish::Linger)) => return Poll::Ready(None),
                Poll::Ready(Next::Finish(Finish::Drop)) => return Poll::Ready(Some(Err(Closed))),
                Poll::Pending => {
                    self.sent = 0;
                    return Poll::Pending;
                }
            };
        }
        let length = if self.is_large { self.rest.len().min(PIECE_BYTES) } else { self.rest.len() };
        self.sent += length;
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}

fn join(frames: &[Frame]) -> Bytes {
    let mut joined = BytesMut::with_capacity(frames.iter().map(Frame::len).sum());
    frames.iter().for_each(|frame| joined.extend_from_slice(&frame.bytes()));
    joined.freeze()
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.registration.connection().outbox.transport_gone();
    }
}
