//! The DevTools protocol: commands to Chromium and their results.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::{Outcome, fail};

/// How long a command may take. Long scrolls are one command.
const PATIENCE: Duration = Duration::from_secs(300);

/// A connection to Chromium.
pub struct Protocol {
    socket: WebSocket<TcpStream>,
    last_id: u64,
}

impl Protocol {
    /// Connects to a running Chromium.
    pub fn connect(addr: SocketAddr, path: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let opened = tungstenite::client(format!("ws://{addr}{path}"), stream);
        let (socket, _) = opened.map_err(|error| fail(format!("Chromium refuses a connection: {error}")))?;
        Ok(Self { socket, last_id: 0 })
    }

    /// Sends a command, to a page when there is a session, and waits for its result.
    pub fn call(&mut self, session: Option<&str>, method: &str, parameters: Value) -> Outcome<Value> {
        self.last_id += 1;
        let mut command = json!({ "id": self.last_id, "method": method, "params": parameters });
        if let Some(session) = session {
            command["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(command.to_string()))?;
        loop {
            let message = self.socket.read().map_err(|error| fail(format!("{method}: {error}")))?;
            // Everything else is an event, or the end, which the next read reports.
            let Message::Text(text) = message else { continue };
            let mut answer: Value = serde_json::from_str(&text)?;
            if answer["id"] != self.last_id {
                continue;
            }
            if let Some(error) = answer.get("error") {
                return Err(fail(format!("{method}: {error}")));
            }
            return Ok(answer["result"].take());
        }
    }
}
