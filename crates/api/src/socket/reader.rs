//! Incoming messages: one task per connection reads commands, sends pings and closes the connection.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web;
use actix_ws::{AggregatedMessage, AggregatedMessageStream, ProtocolError};
use shared::events::CloseCode;
use tokio::time::{timeout, timeout_at};

use super::guard::Refused;
use crate::app::App;
use crate::commands::{self, Commands, HEARTBEAT, Handled};
use crate::config::Access;
use crate::realtime::connection::Connection;
use crate::realtime::frame::Frame;
use crate::realtime::outbox::Finish;

/// A connection that sent nothing for this long is considered dead.
const DEAD_AFTER: Duration = Duration::from_secs(60);
/// How long a connection may stay anonymous on a members-only server.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the server waits for the client's close frame after its own.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why reading ended.
enum End {
    /// The connection is being closed by the server.
    Closing,
    /// The client sent a close frame.
    ClientClosed,
    /// The client violated the protocol. Further messages are not read.
    Violation(CloseCode),
    /// The connection broke.
    Gone,
}

/// Reads from a connection until it ends.
pub(super) async fn run(
    app: web::Data<App>,
    mut incoming: AggregatedMessageStream,
    connection: Arc<Connection>,
) {
    let _cleanup = Cleanup { app: app.clone(), connection: connection.clone() };
    let end = read(&app, &mut incoming, &connection).await;
    // The commands of the client are ignored from now on, so it leaves its rooms.
    app.hub.leave_all(&connection);
    let outbox = &connection.outbox;
    match end {
        End::Gone => outbox.finish(Finish::Drop),
        End::ClientClosed => {
            outbox.close_answered();
            outbox.closed().await;
            outbox.finish(Finish::Drop);
        }
        End::Violation(code) => {
            outbox.close(code);
            outbox.finish(Finish::Linger);
        }
        End::Closing => {
            // Nothing is read until the close frame is sent. The kernel disconnects a peer that takes no bytes, but
            // not while the peer keeps sending. Because nothing is read, it cannot.
            outbox.closed().await;
            let answered = timeout(CLOSE_TIMEOUT, client_closed(&mut incoming)).await;
            outbox.finish(if answered.is_ok() { Finish::Drop } else { Finish::Linger });
        }
    }
    // The payload is kept until then: actix-http reads and discards the rest of a dropped payload.
    outbox.gone().await;
}

/// Waits for the client's close frame, or the end of the connection.
async fn client_closed(incoming: &mut AggregatedMessageStream) {
    while !matches!(incoming.recv().await, None | Some(Err(_) | Ok(AggregatedMessage::Close(_)))) {}
}

/// Reads and executes commands until the connection is to be closed.
async fn read(app: &App, incoming: &mut AggregatedMessageStream, connection: &Arc<Connection>) -> End {
    let commands = Commands::new(app, connection);
    let outbox = &connection.outbox;
    let opened_at = Instant::now();
    let (mut heard_at, mut pinged_at) = (opened_at, opened_at);
    loop {
        let must_sign_in = app.config.access == Access::Members && connection.user().is_none();
        let dead_at = heard_at + DEAD_AFTER;
        let sign_in_by = must_sign_in.then_some(opened_at + SIGN_IN_TIMEOUT);
        let wake_at = dead_at.min(pinged_at + HEARTBEAT).min(sign_in_by.unwrap_or(dead_at));
        let received = tokio::select! {
            biased;
            () = outbox.closing() => return End::Closing,
            received = timeout_at(wake_at.into(), incoming.recv()) => received,
        };
        let handled = match received {
            Ok(None) => return End::Gone,
            Ok(Some(Err(error))) => return end_of(&error),
            Ok(Some(Ok(AggregatedMessage::Close(_)))) => return End::ClientClosed,
            // Also when messages arrive without a pause, so that the timeout never fires.
            Ok(_) if sign_in_by.is_some_and(|by| by <= Instant::now()) => Err(CloseCode::SessionEnded),
            // Boxed, because this future is much larger than the one that waits for the next message.
            Ok(Some(Ok(message))) => Box::pin(handle(app, connection, &commands, message)).await,
            Err(_) if sign_in_by.is_some_and(|by| by <= Instant::now()) => Err(CloseCode::SessionEnded),
            Err(_) if dead_at <= Instant::now() => Err(CloseCode::HeartbeatLost),
            Err(_) => {
                pinged_at = Instant::now();
                outbox.push(Frame::ping(app.hub.budget()));
                continue;
            }
        };
        match handled {
            // The time after the command, which may have taken long.
            Ok(()) => heard_at = Instant::now(),
            Err(code) => {
                outbox.close(code);
                return End::Closing;
            }
        }
    }
}

/// Handles a message.
async fn handle(
    app: &App,
    connection: &Connection,
    commands: &Commands<'_>,
    message: AggregatedMessage,
) -> Handled {
    match message {
        AggregatedMessage::Text(text) => {
            let command = commands::parse(text.as_bytes()).map_err(|_| CloseCode::BadCommand)?;
            commands.execute(command).await
        }
        AggregatedMessage::Ping(payload) => {
            commands.count_frame()?;
            connection.outbox.push(Frame::pong(app.hub.budget(), payload));
            Ok(())
        }
        AggregatedMessage::Pong(_) | AggregatedMessage::Close(_) => commands.count_frame(),
        AggregatedMessage::Binary(_) => Err(CloseCode::Unsupported),
    }
}

/// Maps an error of the message stream.
fn end_of(error: &ProtocolError) -> End {
    match error {
        ProtocolError::Overflow => End::Violation(CloseCode::TooBig),
        ProtocolError::Io(error) => match Refused::find(error) {
            Some(Refused(code)) => End::Violation(code),
            // The guard has checked the headers, so the text is invalid.
            None if error.kind() == io::ErrorKind::InvalidData => End::Violation(CloseCode::InvalidUtf8),
            None => End::Gone,
        },
        _ => End::Violation(CloseCode::Protocol),
    }
}

/// Closes a connection whose task panicked. Otherwise it would stay open without a reader.
struct Cleanup {
    app: web::Data<App>,
    connection: Arc<Connection>,
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.connection.outbox.close(CloseCode::Internal);
            self.connection.outbox.finish(Finish::Linger);
            self.app.hub.leave_all(&self.connection);
        }
    }
}
