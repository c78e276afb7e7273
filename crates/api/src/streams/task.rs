//! The task of a stream, which executes its commands.

use std::sync::Arc;

use actix_web::web;
use futures_util::future::{Either, select};
use shared::events::{CloseCode, ServerEvent};

use super::{Stream, Streams};
use crate::app::App;
use crate::commands::Commands;
use crate::realtime::frame::Frame;
use crate::realtime::hub::Registration;

/// Opens a stream for a registered connection. Returns it with its greeting.
pub fn open(app: &web::Data<App>, registration: Registration) -> (Arc<Stream>, ServerEvent) {
    let hello = Commands::new(app, registration.connection()).hello();
    let streams = app.streams.clone();
    let stream = streams.add(registration.connection().clone());
    actix_web::rt::spawn(run(app.clone(), streams, stream.clone(), registration));
    (stream, hello)
}

/// Executes the commands of a stream until it is closed or has no reader for too long. Then it is no connection any more,
/// but its last events can be read for a while.
async fn run(app: web::Data<App>, streams: Streams, stream: Arc<Stream>, registration: Registration) {
    let entry = Entry { streams, stream };
    let outbox = &entry.stream.connection.outbox;
    {
        let executed = Box::pin(execute(&app, &entry.stream));
        if let Either::Right(_) = select(executed, Box::pin(entry.stream.abandoned())).await {
            outbox.close(CloseCode::HeartbeatLost);
        }
    }
    let code = outbox.close_code().unwrap_or(CloseCode::Internal);
    let last = Frame::event(app.hub.budget(), &ServerEvent::Closed { code: code.number() });
    // Nothing may be pushed after the last event, and the server's stop waits for neither of them.
    drop((registration, app));
    outbox.end_stream(last);
    entry.stream.abandoned().await;
}

async fn execute(app: &App, stream: &Stream) {
    let connection = &stream.connection;
    let commands = Commands::new(app, connection);
    loop {
        let command = tokio::select! {
            biased;
            () = connection.outbox.closing() => return,
            command = stream.next_command() => command,
        };
        if let Err(code) = Box::pin(commands.execute(command)).await {
            connection.outbox.close(code);
            return;
        }
    }
}

/// A stream in the list. It leaves the list however its task ends.
struct Entry {
    streams: Streams,
    stream: Arc<Stream>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.stream.connection.outbox.end_stream(None);
        self.streams.remove(self.stream.id);
    }
}
