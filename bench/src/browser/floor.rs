//! The floor: the least page that shows a room's messages, in front of the same server.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::Outcome;
use crate::http::whole_length;

const PAGE: &str = include_str!("../../page/floor.html");

/// A server of the page, which passes requests to the API on: the page and its data must come from one address.
pub struct Floor {
    /// The address that it listens on.
    pub addr: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Floor {
    /// Starts it in front of a server.
    pub fn start(server: SocketAddr) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let floor = Self { addr: listener.local_addr()?, is_over: Arc::default() };
        let is_over = floor.is_over.clone();
        thread::spawn(move || {
            for browser in listener.incoming() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                // A connection that breaks is missed by the page that waits for it.
                thread::spawn(move || browser.and_then(|browser| serve(browser, server)));
            }
        });
        Ok(floor)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the listener up.
        let _ = TcpStream::connect(self.addr);
    }
}

/// Answers the requests of a connection until it is closed.
fn serve(mut browser: TcpStream, server: SocketAddr) -> io::Result<()> {
    browser.set_nodelay(true)?;
    let mut server = TcpStream::connect(server)?;
    server.set_nodelay(true)?;
    let (mut from_browser, mut from_server) = (Vec::new(), Vec::new());
    loop {
        let request = read(&mut browser, &mut from_browser)?;
        if request.starts_with(b"GET /rooms/") {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncache-control: no-cache";
            browser
                .write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{PAGE}", PAGE.len()).as_bytes())?;
        } else {
            server.write_all(&request)?;
            browser.write_all(&read(&mut server, &mut from_server)?)?;
        }
    }
}

/// The next whole request or answer. What follows it stays in `buffer`.
fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    loop {
        if let Some(length) = whole_length(buffer).filter(|length| *length <= buffer.len())
            && let Some(length) =
                if is_chunked(buffer) { end_of_chunks(buffer, length) } else { Some(length) }
        {
            return Ok(buffer.drain(..length).collect());
        }
        let mut more = [0; 16 * 1024];
        match stream.read(&mut more)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => buffer.extend_from_slice(&more[..count]),
        }
    }
}

/// Whether an answer comes in chunks: the server compresses it on its way.
fn is_chunked(bytes: &[u8]) -> bool {
    let name = b"transfer-encoding: chunked\r\n";
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(0);
    bytes[..head + 2].windows(name.len()).any(|window| window.eq_ignore_ascii_case(name))
}

/// Where the last chunk ends, once it has arrived. The first one begins at `start`.
fn end_of_chunks(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let line = bytes.get(at..)?.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[at..at + line]).ok()?, 16).ok()?;
        at += line + 2 + length + 2;
        if length == 0 {
            return (at <= bytes.len()).then_some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_chunks_ends_with_its_last_chunk() {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let whole = [head.as_slice(), b"3\r\nabc\r\n0\r\n\r\nHTTP"].concat();
        assert!(is_chunked(&whole) && !is_chunked(b"HTTP/1.1 200 OK\r\n\r\n"));
        assert_eq!(end_of_chunks(&whole, head.len()), Some(whole.len() - 4));
        assert_eq!(end_of_chunks(&whole[..whole.len() - 5], head.len()), None);
    }
}
