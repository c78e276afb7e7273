//! A minimal HTTP/1.1 client: it sends any bytes and parses the response.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde::de::DeserializeOwned;

use crate::wait::DEADLINE;

/// Opens a connection to the server.
pub fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("the server listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout that is not zero");
    stream.set_write_timeout(Some(DEADLINE)).expect("a timeout that is not zero");
    stream.set_nodelay(true).expect("a TCP socket");
    stream
}

/// Sends `request` unchanged and reads the response.
pub fn exchange(addr: SocketAddr, request: &[u8]) -> Response {
    let mut stream = connect(addr);
    // The server may refuse the first part of a request and close, so that the rest cannot be written.
    let _ = stream.write_all(request);
    let is_head = request.starts_with(b"HEAD ");
    Response::read(&mut stream, is_head).expect("a whole response")
}

/// Ends a connection with a reset instead of a regular close.
pub fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).expect("a TCP socket");
}

/// A response of the server.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header fields in their order, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, without chunking.
    pub body: Vec<u8>,
}

impl Response {
    /// Reads one response; `without_body` is for responses to HEAD.
    pub fn read(stream: &mut TcpStream, without_body: bool) -> io::Result<Self> {
        let (mut response, rest) = Self::read_head(stream)?;
        if !without_body && response.status >= 200 && !matches!(response.status, 204 | 304) {
            response.body = response.read_body(stream, rest)?;
        }
        Ok(response)
    }

    /// Reads the head of a response, and what of the body has arrived with it.
    pub fn read_head(stream: &mut TcpStream) -> io::Result<(Self, Vec<u8>)> {
        let mut bytes = Vec::new();
        loop {
            if let Some((head, body_at)) = parse_head(&bytes)? {
                return Ok((head, bytes.split_off(body_at)));
            }
            read_more(stream, &mut bytes)?;
        }
    }

    fn read_body(&self, stream: &mut TcpStream, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        if self.header("transfer-encoding") == Some("chunked") {
            return read_chunks(stream, bytes);
        }
        match self.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
            Some(length) => {
                while bytes.len() < length {
                    read_more(stream, &mut bytes)?;
                }
                bytes.truncate(length);
            }
            None => {
                stream.read_to_end(&mut bytes)?;
            }
        }
        Ok(bytes)
    }

    /// The value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// The body, deserialized from JSON.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}: {}", self.status, self.text()))
    }

    /// The body as a JSON value.
    #[track_caller]
    pub fn value(&self) -> serde_json::Value {
        self.json()
    }

    /// Asserts the status and returns the response.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "the answer is {}", String::from_utf8_lossy(&self.body));
        self
    }
}

fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    match stream.read(&mut buffer)? {
        0 => {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed in the middle of its answer"))
        }
        count => {
            bytes.extend_from_slice(&buffer[..count]);
            Ok(())
        }
    }
}

/// Parses the head when it is complete. Also returns where the body begins.
fn parse_head(bytes: &[u8]) -> io::Result<Option<(Response, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let httparse::Status::Complete(body_at) = parsed else { return Ok(None) };
    let headers = head.headers.iter();
    let headers = headers
        .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    Ok(Some((Response { status: head.code.unwrap_or(0), headers, body: Vec::new() }, body_at)))
}

fn read_chunks(stream: &mut TcpStream, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let chunk = httparse::parse_chunk_size(&bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a bad chunk"))?;
        let httparse::Status::Complete((data_at, size)) = chunk else {
            read_more(stream, &mut bytes)?;
            continue;
        };
        let end = data_at + usize::try_from(size).unwrap_or(usize::MAX);
        while bytes.len() < end + 2 {
            read_more(stream, &mut bytes)?;
        }
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&bytes[data_at..end]);
        bytes.drain(..end + 2);
    }
}
