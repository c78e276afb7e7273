//! A client's TCP stream as actix-http sees it. What actix-http's parser refuses never reaches the App: it answers a
//! bare 400, 408 or 431 by itself. Here such an answer leaves as a problem like any other.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_codec::{AsyncRead, AsyncWrite, ReadBuf};
use actix_http::header::HeaderMap;
use actix_http::{StatusCode, Version};
use actix_rt::net::{ActixStream, Ready, TcpStream};
use actix_web::body::MessageBody;
use bytes::{Buf, Bytes};

use super::problem;
use crate::error::AppError;

/// How long a request may go without any answer: longer than for its head, its body and its handler together. The
/// parser limits only the first head on a connection.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// How the answers begin that the App gives before a body was read to its end.
const GIVEN_UP: [&[u8]; 2] = [b"HTTP/1.1 408", b"HTTP/1.1 413"];
/// From here on what cannot be parsed is too long a URL.
const LONG_LINE: usize = 8 * 1024;
/// An answer of the parser's own: a status line and three headers.
const MAX_BARE_BYTES: usize = 200;

/// A client's TCP stream.
pub struct Stream {
    inner: TcpStream,
    /// What is still to be written instead of a bare answer.
    problem: Bytes,
    /// What came since the last answer.
    request: Option<Request>,
    /// A request was given up in its middle: nothing more is read.
    is_over: bool,
}

#[derive(Clone, Copy)]
struct Request {
    began_at: Instant,
    /// The length of its first line, as far as it came.
    line: usize,
    is_in_line: bool,
}

impl Stream {
    /// Takes a new connection over.
    pub fn new(inner: TcpStream) -> Self {
        // An event must not wait for the acknowledgement of the one before it.
        if let Err(error) = inner.set_nodelay(true) {
            tracing::debug!(%error, "small writes may wait");
        }
        Self { inner, problem: Bytes::new(), request: None, is_over: false }
    }

    /// Takes note of what came.
    fn note(&mut self, bytes: &[u8]) {
        let fresh = || Request { began_at: Instant::now(), line: 0, is_in_line: true };
        let request = self.request.get_or_insert_with(fresh);
        if request.is_in_line {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            request.line += end.unwrap_or(bytes.len());
            request.is_in_line = end.is_none();
        }
    }

    /// The connection, for who speaks no HTTP on it.
    pub fn into_inner(self) -> TcpStream {
        self.inner
    }
}

/// Where in `bytes` an answer stands that is the parser's own, and its status. It is the last one on its connection,
/// and unlike all others it carries no request id.
fn bare_answer(bytes: &[u8]) -> Option<(usize, StatusCode)> {
    const START: &[u8] = b"HTTP/1.1 4";
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let from = bytes.len().saturating_sub(MAX_BARE_BYTES);
    let at = from + bytes[from..].windows(START.len()).rposition(|window| window == START)?;
    let head = std::str::from_utf8(&bytes[at..]).ok()?;
    let is_bare = head.contains("content-length: 0\r\n") && !head.contains(problem::REQUEST_ID.as_str());
    let status = head.get(START.len() - 1..START.len() + 2)?.parse().ok()?;
    is_bare.then(|| StatusCode::from_u16(status).ok().map(|status| (at, status))).flatten()
}

/// The same refusal as a whole answer.
fn problem_answer(status: StatusCode) -> Bytes {
    let request_id = problem::request_id(&HeaderMap::new());
    let error = AppError::new(problem::code_of_status(status));
    let mut response = problem::respond(&error, &request_id);
    problem::add_headers(response.headers_mut(), &request_id, true, false);
    let status = response.status();
    let (head, body) = response.into_parts();
    let body = body.try_into_bytes().unwrap_or_default();
    let mut bytes = format!("{:?} {status}\r\n", Version::HTTP_11).into_bytes();
    for (name, value) in head.headers() {
        bytes.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes
        .extend_from_slice(format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(&body);
    bytes.into()
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.problem.is_empty() {
            match bare_answer(bytes) {
                None => {
                    self.request = None;
                    // The parser would wait for the rest of a chunked body without end.
                    if GIVEN_UP.iter().any(|start| bytes.starts_with(start)) {
                        self.is_over = true;
                        context.waker().wake_by_ref();
                    }
                    return Pin::new(&mut self.inner).poll_write(context, bytes);
                }
                Some((0, status)) => {
                    let is_long = self.request.is_some_and(|request| request.line > LONG_LINE);
                    let is_bad = status == StatusCode::BAD_REQUEST;
                    self.problem =
                        problem_answer(if is_bad && is_long { StatusCode::URI_TOO_LONG } else { status });
                }
                // The answers before it go first.
                Some((at, _)) => return Pin::new(&mut self.inner).poll_write(context, &bytes[..at]),
            }
        }
        let this = &mut *self;
        while !this.problem.is_empty() {
            match ready!(Pin::new(&mut this.inner).poll_write(context, &this.problem))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => this.problem.advance(count),
            }
        }
        // The bare answer is done with.
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over {
            return Poll::Ready(Ok(()));
        }
        if self.request.is_some_and(|request| request.began_at.elapsed() > ANSWER_TIME) {
            // As far as it goes: who trickles may not read either.
            let _ = self.inner.try_write(&problem_answer(StatusCode::REQUEST_TIMEOUT));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.note(&buffer.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl ActixStream for Stream {
    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.inner, context)
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.inner, context)
    }
}
