//! One WebSocket: the only user of `gloo_net::websocket`. It decodes and encodes, and decides nothing.

use futures_channel::mpsc::{UnboundedSender, unbounded};
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use futures_util::{SinkExt, StreamExt};
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, WebSocketError};
use leptos::prelude::window;
use leptos::task::spawn_local;
use shared::events::{ClientCommand, ServerEvent};
use shared::server::{SOCKET_PATH, SOCKET_PROTOCOL};

use crate::wire::{self, Malformed};

/// What a browser reports when a connection broke without a word.
const ABNORMAL: u16 = 1006;

/// An open socket, or one that is opening. Dropping it closes it.
pub struct Socket {
    commands: UnboundedSender<ClientCommand>,
    /// Ends the task that reads when it is dropped. The browser's socket is closed when neither task has its half.
    _reading: oneshot::Sender<()>,
}

/// What comes from a socket.
pub enum Incoming {
    /// The server said something.
    Event(Box<ServerEvent>),
    /// The server said something that it promised to say otherwise: this page is probably older than the server.
    Malformed,
    /// It is closed; nothing follows.
    Closed {
        /// RFC 6455, section 7.4.
        code: u16,
        /// The server's words.
        reason: String,
    },
}

impl Socket {
    /// Opens a socket to the server that the page came from.
    pub fn open(on_incoming: impl Fn(Incoming) + 'static) -> Self {
        let (sender, mut commands) = unbounded::<ClientCommand>();
        let (reading, mut dropped) = oneshot::channel();
        let handle = Self { commands: sender, _reading: reading };
        // `trunk serve` does not pass the subprotocol on, and a browser closes a socket whose offer is not taken up. The
        // server speaks the same without it, so development builds offer none.
        let open = |url: String| match cfg!(debug_assertions) {
            true => WebSocket::open(&url),
            false => WebSocket::open_with_protocol(&url, SOCKET_PROTOCOL),
        };
        let socket = url().and_then(|url| open(url).ok());
        let Some(socket) = socket else {
            spawn_local(async move {
                on_incoming(Incoming::Closed { code: ABNORMAL, reason: String::new() });
            });
            return handle;
        };
        let (mut sink, mut stream) = socket.split();
        spawn_local(async move {
            while let Some(command) = commands.next().await {
                let Ok(text) = serde_json::to_string(&command) else { continue };
                if sink.send(Message::Text(text)).await.is_err() {
                    break;
                }
            }
        });
        spawn_local(async move {
            let mut code = ABNORMAL;
            let mut reason = String::new();
            loop {
                let incoming = match select(stream.next(), &mut dropped).await {
                    Either::Left((Some(incoming), _)) => incoming,
                    Either::Left((None, _)) => break,
                    Either::Right(_) => return,
                };
                match incoming {
                    Ok(Message::Text(text)) => on_incoming(match wire::parse(&text) {
                        Ok(event) => Incoming::Event(Box::new(event)),
                        Err(Malformed) => Incoming::Malformed,
                    }),
                    Err(WebSocketError::ConnectionClose(close)) => {
                        code = close.code;
                        reason = close.reason;
                        break;
                    }
                    // The close event follows, with its code.
                    Ok(Message::Bytes(_)) | Err(_) => {}
                }
            }
            on_incoming(Incoming::Closed { code, reason });
        });
        handle
    }

    /// Says something; what is said before the socket is open waits for it.
    pub fn send(&self, command: ClientCommand) {
        // A closed socket says so by `Incoming::Closed`, and everything is said again on the next one.
        let _ = self.commands.unbounded_send(command);
    }
}

fn url() -> Option<String> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}{SOCKET_PATH}", location.host().ok()?))
}
