//! What all transports have in common.

use std::rc::Rc;

use shared::events::ServerEvent;

use crate::wire::{self, Malformed};

pub use crate::state::connection::ABNORMAL;

/// What comes from a connection.
pub enum Incoming {
    /// The server said something.
    Event(Box<ServerEvent>),
    /// The server said something that it promised to say otherwise: this page is probably older than the server.
    Malformed,
    /// It broke off, and goes on where it was if the network lets it.
    Interrupted,
    /// It is closed; nothing follows.
    Closed {
        /// RFC 6455, section 7.4.
        code: u16,
        /// The server's words.
        reason: String,
    },
}

impl Incoming {
    /// It is closed without a word of the server's.
    pub fn closed(code: u16) -> Self {
        Self::Closed { code, reason: String::new() }
    }

    /// What a text of the server's says.
    pub fn read(text: &str) -> Self {
        Self::said(wire::parse(text))
    }

    /// What an event says that was read or could not be.
    pub fn said(event: Result<ServerEvent, Malformed>) -> Self {
        match event {
            Ok(event) => Self::Event(Box::new(event)),
            Err(Malformed) => Self::Malformed,
        }
    }
}

/// Takes in what comes.
pub type Listener = Rc<dyn Fn(Incoming)>;

/// A connection by some transport. Dropping it closes it.
pub trait Link {
    /// Says something. What is said before the greeting may be lost.
    fn send(&self, command: String);
}
