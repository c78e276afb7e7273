//! Outgoing frames: the response body of a socket.
//!
//! The dispatcher of actix-http polls this body, copies the bytes into the connection's write buffer and writes them to
//! the kernel. Frames that wait together are written together.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use thiserror::Error;

use crate::realtime::frame;
use crate::realtime::hub::Registration;
use crate::realtime::outbox::{Finish, Next};

/// How many bytes the dispatcher gets before it must write. Each connection keeps a write buffer, but only the part that
/// was ever used takes memory: small chunks keep an idle connection small.
const CHUNK_BYTES: usize = 4 * 1024;
/// The same within a frame that is larger, such as the one that lists the people in a room.
const LARGE_FRAME_CHUNK_BYTES: usize = 2 * 1024;
/// The same while there is a backlog: fewer writes, for a larger buffer.
const BACKLOG_CHUNK_BYTES: usize = 16 * 1024;
/// The size of the write buffer below which the dispatcher polls for more bytes before it writes.
pub const WRITE_BUFFER_BYTES: usize = BACKLOG_CHUNK_BYTES;

/// Sends the frames of an outbox. Dropping it ends the connection.
pub(super) struct Frames {
    registration: Registration,
    /// The body of the handshake's response. It is kept because its drop ends the message stream.
    _handshake: BoxBody,
    /// The rest of the current frame.
    rest: Bytes,
    /// The number of bytes that the dispatcher got since it last wrote.
    unwritten: usize,
    /// The number of bytes after which it must write.
    chunk: usize,
}

/// An error that ends the connection immediately. If the body ended without an error, the connection would stay open
/// until a timeout, because its request has no end. The client waits for the server to close first (RFC 6455, section
/// 7.1.1).
#[derive(Debug, Error)]
#[error("the WebSocket is closed")]
pub(super) struct Closed;

impl Frames {
    pub(super) fn new(registration: Registration, handshake: BoxBody) -> Self {
        Self { registration, _handshake: handshake, rest: Bytes::new(), unwritten: 0, chunk: CHUNK_BYTES }
    }
}

impl MessageBody for Frames {
    type Error = Closed;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Closed>>> {
        if self.rest.is_empty() {
            self.rest = match self.registration.connection().outbox.poll_next(context) {
                Poll::Ready(Next::Frame { frame, has_backlog }) => {
                    if has_backlog {
                        self.chunk = BACKLOG_CHUNK_BYTES;
                    } else if frame.len() > LARGE_FRAME_CHUNK_BYTES {
                        self.chunk = LARGE_FRAME_CHUNK_BYTES;
                    }
                    frame.bytes()
                }
                Poll::Ready(Next::Close(code)) => frame::close(code),
                Poll::Ready(Next::Finish(Finish::Linger)) => return Poll::Ready(None),
                Poll::Ready(Next::Finish(Finish::Drop)) => return Poll::Ready(Some(Err(Closed))),
                Poll::Pending => {
                    (self.unwritten, self.chunk) = (0, CHUNK_BYTES);
                    return Poll::Pending;
                }
            };
        }
        let length = self.rest.len().min(self.chunk.saturating_sub(self.unwritten));
        if length == 0 {
            self.unwritten = 0;
            self.chunk = if self.rest.len() > LARGE_FRAME_CHUNK_BYTES { self.chunk } else { CHUNK_BYTES };
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.unwritten += length;
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.registration.connection().outbox.transport_gone();
    }
}
