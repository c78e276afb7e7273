//! Requests over one connection, one at a time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::http::whole_length;
use crate::{Outcome, fail};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The header that carries this token.
pub fn authorization(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// A request with these headers. An empty body is none.
pub fn request(method: &str, path: &str, headers: &str, json: &str) -> Vec<u8> {
    let content = match json {
        "" => String::new(),
        json => format!("content-type: application/json\r\ncontent-length: {}\r\n", json.len()),
    };
    format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n{headers}{content}\r\n{json}").into_bytes()
}

/// A connection that waits for each answer.
pub struct Connection(TcpStream);

impl Connection {
    /// Opens it.
    pub fn open(addr: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    /// Sends a request and returns the answer, whatever its status.
    pub fn exchange(&mut self, request: &[u8]) -> Outcome<String> {
        self.send(request)?;
        self.answer()
    }

    /// Sends a request.
    pub fn send(&mut self, request: &[u8]) -> Outcome<()> {
        Ok(self.0.write_all(request)?)
    }

    /// Reads the answer to the request that was sent last.
    pub fn answer(&mut self) -> Outcome<String> {
        let (mut answer, mut buffer) = (Vec::new(), [0; 16 * 1024]);
        while whole_length(&answer).is_none_or(|length| answer.len() < length) {
            match self.0.read(&mut buffer)? {
                0 => return Err(fail("the server closed a connection")),
                count => answer.extend_from_slice(&buffer[..count]),
            }
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// Fails unless an answer is a success.
pub fn succeeded(answer: &str) -> Outcome<()> {
    match answer.starts_with("HTTP/1.1 2") {
        true => Ok(()),
        false => Err(fail(format!("a request is answered with {answer}"))),
    }
}
