//! The way out: the response body that sends a connection's frames.
//!
//! The dispatcher of actix-http polls this body, copies what it gets into the connection's write buffer and writes it
//! to the kernel. Frames that wait together leave in one write.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use thiserror::Error;

use crate::realtime::frame;
use crate::realtime::hub::Registration;
use crate::realtime::outbox::{Finish, Next};

/// How much is handed over before the dispatcher writes, in bytes. Each connection keeps a write buffer, of which only
/// the memory that was ever written to is in use: a small share keeps an idle connection small.
const SHARE_BYTES: usize = 4 * 1024;
/// The same while much is queued: fewer and larger writes for larger buffers.
const BACKLOG_SHARE_BYTES: usize = 16 * 1024;
/// Up to here the dispatcher polls for more before it writes, in bytes.
pub const WRITE_BUFFER_BYTES: usize = BACKLOG_SHARE_BYTES;

/// Sends what is in a connection's outbox. Dropping it ends the connection.
pub(super) struct Frames {
    registration: Registration,
    /// The handshake's own body. Dropping it ends the message stream, so it lives as long as this one.
    _handshake: BoxBody,
    /// The rest of the frame that is being handed over.
    rest: Bytes,
    /// How much was handed over since the dispatcher last wrote.
    handed: usize,
    /// How much may be.
    share: usize,
}

/// Ends the connection at once. A body that ends without an error leaves the connection open until the client closes
/// it or a time-out, because its request has no end either. But the client waits for the server to close first
/// (RFC 6455, section 7.1.1).
#[derive(Debug, Error)]
#[error("the WebSocket is closed")]
pub(super) struct Closed;

impl Frames {
    pub(super) fn new(registration: Registration, handshake: BoxBody) -> Self {
        Self { registration, _handshake: handshake, rest: Bytes::new(), handed: 0, share: SHARE_BYTES }
    }
}

impl MessageBody for Frames {
    type Error = Closed;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Closed>>> {
        if self.handed >= self.share {
            (self.handed, self.share) = (0, SHARE_BYTES);
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.rest.is_empty() {
            self.rest = match self.registration.connection().outbox.poll_next(context) {
                Poll::Ready(Next::Frame { frame, has_backlog }) => {
                    if has_backlog {
                        self.share = BACKLOG_SHARE_BYTES;
                    }
                    frame.bytes()
                }
                Poll::Ready(Next::Close(code)) => frame::close(code),
                Poll::Ready(Next::Finish(Finish::Linger)) => return Poll::Ready(None),
                Poll::Ready(Next::Finish(Finish::Drop)) => return Poll::Ready(Some(Err(Closed))),
                Poll::Pending => {
                    (self.handed, self.share) = (0, SHARE_BYTES);
                    return Poll::Pending;
                }
            };
        }
        let length = self.rest.len().min(self.share - self.handed);
        self.handed += length;
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.registration.connection().outbox.transport_gone();
    }
}
