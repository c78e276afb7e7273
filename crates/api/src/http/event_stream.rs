//! Server-sent events (WHATWG HTML, section 9.2): the response body that writes them.

use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, Sleep, sleep};

use super::query::number;
use crate::error::AppResult;
use crate::realtime::frame::Frame;

/// The media type.
pub const EVENT_STREAM: &str = "text/event-stream";
/// The interval between comments. They keep proxies from closing the connection, and reveal a dead one.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);
/// A comment, which clients ignore.
const COMMENT: &[u8] = b":\n\n";
/// What a response begins with: how many milliseconds a browser waits before it connects again.
const START: &[u8] = b"retry: 1000\n\n";
/// After this many bytes other connections get their turn.
const TURN_BYTES: usize = 64 * 1024;

/// Where the events of a response come from.
pub trait Source: Unpin + 'static {
    /// The next events, encoded by [`encode`]. `None` at the end.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>>;
}

/// The last event that a browser received before it connected again. Bytes that are not UTF-8 become an invalid id.
pub fn last_event_id(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let id = headers.get("last-event-id")?;
    Some(String::from_utf8_lossy(id.as_bytes())).filter(|id| !id.is_empty())
}

/// The number in the id of an event.
///
/// # Errors
/// 422 if it is none of the server's ids.
pub fn parse_id<Number: FromStr>(id: &str) -> AppResult<Number> {
    number("Last-Event-ID", id, "Last-Event-ID must be the id of an event.")
}

/// Appends an event. The JSON of a frame has no line breaks.
pub fn encode(into: &mut BytesMut, id: Option<&str>, event_type: Option<&str>, frame: &Frame) {
    let json = frame.json();
    into.reserve(json.len() + 80);
    for (field, value) in [("id: ", id), ("event: ", event_type)] {
        if let Some(value) = value {
            into.extend_from_slice(field.as_bytes());
            into.extend_from_slice(value.as_bytes());
            into.extend_from_slice(b"\n");
        }
    }
    into.extend_from_slice(b"data: ");
    into.extend_from_slice(json);
    into.extend_from_slice(b"\n\n");
}

/// A response with the events of a source.
pub fn respond(source: impl Source) -> HttpResponse {
    let body = Body {
        source,
        start: Some(Bytes::from_static(START)),
        comment: Box::pin(sleep(COMMENT_INTERVAL)),
        sent: 0,
    };
    head().body(BoxBody::new(body))
}

/// The head of such a response, for HEAD.
pub fn respond_without_body() -> HttpResponse {
    head().finish()
}

fn head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, EVENT_STREAM))
        // nginx would collect events until a buffer is full.
        .insert_header(("x-accel-buffering", "no"))
        // So would compression.
        .insert_header((header::CONTENT_ENCODING, "identity"));
    response
}

struct Body<S> {
    source: S,
    /// Sent at once, so that the client sees that the connection works.
    start: Option<Bytes>,
    /// When the next comment is due.
    comment: Pin<Box<Sleep>>,
    /// The number of bytes since other connections last had their turn.
    sent: usize,
}

impl<S: Source> MessageBody for Body<S> {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        if let Some(start) = self.start.take() {
            return Poll::Ready(Some(Ok(start)));
        }
        if self.sent >= TURN_BYTES {
            self.sent = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Poll::Ready(next) = self.source.poll_next(context) {
            self.sent += next.as_ref().map_or(0, Bytes::len);
            return Poll::Ready(next.map(Ok));
        }
        self.sent = 0;
        if self.comment.as_mut().poll(context).is_ready() {
            self.comment.as_mut().reset(Instant::now() + COMMENT_INTERVAL);
            // Registers the timer for the next one.
            let _ = self.comment.as_mut().poll(context);
            return Poll::Ready(Some(Ok(Bytes::from_static(COMMENT))));
        }
        Poll::Pending
    }
}
