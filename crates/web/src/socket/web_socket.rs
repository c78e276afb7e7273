//! A WebSocket: the only user of the browser's.

use leptos::prelude::window;
use shared::server::{SOCKET_PATH, SOCKET_PROTOCOL};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use super::link::{Incoming, Link, Listener};

struct WebSocketLink {
    socket: WebSocket,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_close: Closure<dyn Fn(CloseEvent)>,
}

impl Link for WebSocketLink {
    fn send(&self, command: String) {
        // A closed socket says so by an event, and everything is said again on the next one.
        let _ = self.socket.send_with_str(&command);
    }
}

impl Drop for WebSocketLink {
    fn drop(&mut self) {
        // The closures are about to go.
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // Only fails for reasons that are too long.
        let _ = self.socket.close();
    }
}

/// Opens a socket to the server that the page came from; nothing if the browser does not even try.
pub fn open(listener: Listener) -> Option<Box<dyn Link>> {
    // `trunk serve` does not pass the subprotocol on, and a browser closes a socket whose offer is not taken up. The
    // server speaks the same without it, so development builds offer none.
    let url = url()?;
    let socket = match cfg!(debug_assertions) {
        true => WebSocket::new(&url),
        false => WebSocket::new_with_str(&url, SOCKET_PROTOCOL),
    };
    let socket = socket.ok()?;
    let hear = listener.clone();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        // The server sends no binary frames.
        if let Some(text) = event.data().as_string() {
            hear(Incoming::read(&text));
        }
    });
    let on_close = Closure::<dyn Fn(CloseEvent)>::new(move |event: CloseEvent| {
        listener(Incoming::Closed { code: event.code(), reason: event.reason() });
    });
    socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
    Some(Box::new(WebSocketLink { socket, _on_message: on_message, _on_close: on_close }))
}

fn url() -> Option<String> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}{SOCKET_PATH}", location.host().ok()?))
}
