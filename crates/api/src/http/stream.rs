//! A client's TCP stream as actix-http sees it. What actix-http's parser refuses never reaches the App: it answers a
//! bare 400, 408 or 431 by itself. Here such an answer leaves as a problem like any other.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_codec::{AsyncRead, AsyncWrite, ReadBuf};
use actix_http::header::HeaderMap;
use actix_http::{StatusCode, Version};
use actix_rt::net::{ActixStream, Ready, TcpStream};
use actix_web::body::MessageBody;
use bytes::{Buf, Bytes};

use super::problem;
use crate::error::AppError;

/// An answer of the parser's own: a status line and three headers.
const MAX_BARE_BYTES: usize = 200;

/// A client's TCP stream.
pub struct Stream {
    inner: TcpStream,
    /// What is still to be written instead of a bare answer.
    problem: Bytes,
}

impl Stream {
    /// Takes a new connection over.
    pub fn new(inner: TcpStream) -> Self {
        // An event must not wait for the acknowledgement of the one before it.
        if let Err(error) = inner.set_nodelay(true) {
            tracing::debug!(%error, "small writes may wait");
        }
        Self { inner, problem: Bytes::new() }
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
                None => return Pin::new(&mut self.inner).poll_write(context, bytes),
                Some((0, status)) => self.problem = problem_answer(status),
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
        Pin::new(&mut self.inner).poll_read(context, buffer)
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
