//! One connection's task: a read loop that decodes commands, and what the postman cannot do for its writing.
//!
//! An idle connection holds no buffer: bytes are read into the stack, frames are shared.

use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_rt::net::TcpStream;
use shared::events::{CloseCode, ServerEvent};
use tokio::time::timeout;

use super::session::Session;
use crate::app::App;
use crate::config::Access;
use crate::http::server::VERSION;
use crate::realtime::frame::{Decoder, Frame, Incoming};
use crate::realtime::hub::Connection;
use crate::realtime::outbox::Attention;

/// How often a connection gets a ping.
const HEARTBEAT: Duration = Duration::from_secs(25);
/// A connection on which nothing came for this long is dead.
const DEAD_AFTER: Duration = Duration::from_secs(60);
/// How long an anonymous socket may stay so where only members may read.
const SIGN_IN_TIME: Duration = Duration::from_secs(5);
/// A reader that takes nothing for this long is cut off.
const WRITE_STALL: Duration = Duration::from_secs(10);
/// How long the other side gets to close after us.
const LINGER: Duration = Duration::from_secs(2);
/// What the kernel may buffer for one reader, in bytes; the rest waits in the outbox, where it is counted.
const SEND_BUFFER: usize = 128 * 1024;

/// Serves the connection until it ends. `early` are bytes that came with the handshake.
pub(super) async fn run(app: &App, stream: TcpStream, early: Box<Decoder>, connection: &Arc<Connection>) {
    if let Err(error) = socket2::SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER) {
        tracing::debug!(%error, "the send buffer keeps its size");
    }
    forget_former_reader(&stream).await;
    hello(connection);
    let Some(stream) = connection.outbox.open(stream) else { return };
    let ended = {
        let mut reading = std::pin::pin!(read(app, stream, early, connection));
        let mut writing = std::pin::pin!(write(stream, connection));
        tokio::select! {
            biased;
            ended = &mut writing => ended,
            // Writing goes on: it may be in the middle of a frame, and what waits goes out before the close.
            code = &mut reading => match code {
                Ok(code) => {
                    connection.outbox.close(code);
                    writing.await
                }
                Err(error) => Err(error),
            },
        }
    };
    // A connection that broke needs no goodbye.
    if ended.is_ok() {
        // On the heap, because it comes once and would be kept room for all the time; so with what follows.
        Box::pin(linger(stream)).await;
    }
}

/// The task that read the handshake is over, but the socket would wake it when something comes, and keeps its memory
/// (some KiB) until then. This one takes its place.
async fn forget_former_reader(stream: &TcpStream) {
    poll_fn(|context| {
        // Ready or not: whoever reads will see.
        let _ = stream.poll_read_ready(context);
        Poll::Ready(())
    })
    .await;
}

/// Says who the server is, and who the client is to it.
pub(super) fn hello(connection: &Connection) {
    let event = ServerEvent::Hello {
        server_version: VERSION.to_owned(),
        heartbeat_seconds: HEARTBEAT.as_secs() as u32,
        user: connection.user().map(|user| user.as_ref().clone()),
    };
    if let Some(frame) = Frame::event(&event) {
        connection.outbox.push(frame);
    }
}

/// Reads and obeys until there is a reason to close.
async fn read(
    app: &App,
    stream: &TcpStream,
    mut decoder: Box<Decoder>,
    connection: &Arc<Connection>,
) -> io::Result<CloseCode> {
    let mut session = Session::new(app, connection);
    loop {
        loop {
            match decoder.decode() {
                Ok(None) => break,
                Ok(Some(Incoming::Close)) => return Ok(CloseCode::Normal),
                Ok(Some(incoming)) => {
                    // On the heap, and only while it lasts: it is much larger than what waits for the next command.
                    if let Err(code) = Box::pin(session.take(incoming)).await {
                        return Ok(code);
                    }
                }
                Err(code) => return Ok(code),
            }
        }
        let must_sign_in = app.config.access == Access::Members && connection.user().is_none();
        let (patience, code) = if must_sign_in {
            (SIGN_IN_TIME, CloseCode::SessionEnded)
        } else {
            (DEAD_AFTER, CloseCode::HeartbeatLost)
        };
        match timeout(patience, stream.readable()).await {
            Ok(readable) => readable?,
            Err(_) => return Ok(code),
        }
        match read_some(stream, &mut decoder) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// In a function of its own, so that the buffer is on the stack and not in every connection's future.
fn read_some(stream: &TcpStream, decoder: &mut Decoder) -> io::Result<usize> {
    let mut buffer = [0; 8 * 1024];
    let count = stream.try_read(&mut buffer)?;
    decoder.extend(&buffer[..count]);
    Ok(count)
}

/// Sees to what the postman cannot: the heartbeat, a socket that is full, the goodbye.
async fn write(stream: &TcpStream, connection: &Connection) -> io::Result<()> {
    loop {
        match timeout(HEARTBEAT, connection.outbox.attention()).await {
            Err(_) => connection.outbox.push(Frame::ping()),
            Ok(Attention::Blocked) => {
                Box::pin(writable(stream)).await?;
                connection.outbox.flush();
            }
            Ok(Attention::Close(code)) => return Box::pin(say_goodbye(stream, code)).await,
            Ok(Attention::Broken) => return Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

/// Sends the last frame.
async fn say_goodbye(stream: &TcpStream, code: CloseCode) -> io::Result<()> {
    let goodbye = Frame::close(code);
    let mut rest = &goodbye.0[..];
    while !rest.is_empty() {
        writable(stream).await?;
        match stream.try_write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits until the socket takes more, but not for ever.
async fn writable(stream: &TcpStream) -> io::Result<()> {
    timeout(WRITE_STALL, stream.writable()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Ends a connection so that what was sent last arrives: a socket that is dropped with unread bytes resets.
pub(super) async fn linger(stream: &TcpStream) {
    let ended = async {
        socket2::SockRef::from(stream).shutdown(Shutdown::Write)?;
        loop {
            stream.readable().await?;
            match stream.try_read(&mut [0; 1024]) {
                Ok(0) => return Ok::<(), io::Error>(()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    };
    // However it ends, the stream is dropped.
    let _ = timeout(LINGER, ended).await;
}
