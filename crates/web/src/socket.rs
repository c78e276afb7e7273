//! One connection to the server, by any transport: a WebSocket, or a stream where the network passes no WebSocket on.
//! It decodes and encodes, and decides nothing.
//!
//! Streams are loaded later, when a network needs them: they come by HTTP, as the rest of the client does.

mod link;
mod stream;
mod web_socket;

use std::cell::RefCell;
use std::rc::Rc;

use leptos::task::spawn_local;
use leptos::wasm_split::SplitLoaderError;
#[cfg(split)]
use leptos::wasm_split::wasm_split;

use self::link::{Link, Listener};
use crate::state::connection::Transport;

pub use self::link::{ABNORMAL, Incoming};

/// An open connection, or one that is opening. Dropping it closes it.
pub struct Socket(Rc<RefCell<Option<Box<dyn Link>>>>);

impl Socket {
    /// Connects to the server that the page came from.
    pub fn open(transport: Transport, on_incoming: impl Fn(Incoming) + 'static) -> Self {
        let listener: Listener = Rc::new(on_incoming);
        let by_web_socket = transport == Transport::WebSocket;
        let link = if by_web_socket { web_socket::open(listener.clone()) } else { None };
        let is_open = link.is_some();
        let socket = Self(Rc::new(RefCell::new(link)));
        if !is_open {
            let place = Rc::downgrade(&socket.0);
            spawn_local(async move {
                let link = if by_web_socket { None } else { load_stream(transport, listener.clone()).await };
                match (link, place.upgrade()) {
                    (Some(link), Some(place)) => *place.borrow_mut() = Some(link),
                    // It was dropped meanwhile.
                    (_, None) => {}
                    (None, _) => listener(Incoming::closed(ABNORMAL)),
                }
            });
        }
        socket
    }

    /// Says something. What is said before the greeting may be lost.
    pub fn send(&self, command: String) {
        if let Some(link) = &*self.0.borrow() {
            link.send(command);
        }
    }
}

/// Only what is reached from here and from nowhere else is in the file that is loaded later.
#[cfg_attr(split, wasm_split(later, wasm_split_path = ::leptos::wasm_split, fallible))]
fn open_stream(transport: Transport, listener: Listener) -> Result<Box<dyn Link>, SplitLoaderError> {
    Ok(stream::open(transport, listener))
}

async fn load_stream(transport: Transport, listener: Listener) -> Option<Box<dyn Link>> {
    #[cfg(split)]
    let link = open_stream(transport, listener).await;
    #[cfg(not(split))]
    let link = open_stream(transport, listener);
    link.ok()
}
