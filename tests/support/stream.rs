//! A client of streams: what a socket is, without WebSocket.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use shared::ids::StreamId;
use shared::streams::{NewStream, STREAMS_PATH, StreamEvents};
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message};

use crate::client::TestClient;
use crate::http;
use crate::transport::Transport;
use crate::wait::DEADLINE;

/// How long one long-poll waits, in seconds.
const WAIT_SECONDS: u32 = 5;

/// An open stream. Dropping it closes it.
#[derive(Debug)]
pub struct TestStream {
    client: TestClient,
    id: StreamId,
    /// The texts of events that were received and not read.
    received: VecDeque<String>,
    /// The number of the last event that was received.
    after: u64,
    source: Source,
    is_closed: bool,
}

#[derive(Debug)]
enum Source {
    Events(EventReader),
    /// The long-poll that is under way. There is always one, so that the client hears why the stream ends.
    Poll(TcpStream),
}

impl TestStream {
    /// Opens a stream.
    ///
    /// # Errors
    /// If the server is gone or refuses it.
    pub fn open(client: &TestClient) -> Result<Self, Error> {
        let answer = client.request("POST", STREAMS_PATH).try_send()?;
        if answer.status != 201 {
            return Err(Error::ConnectionClosed);
        }
        let NewStream { id, hello } = answer.json();
        let received = VecDeque::from([serde_json::to_string(&hello).expect("events are JSON")]);
        let source = match client.transport() {
            Transport::ServerSentEvents => {
                Source::Events(EventReader::try_open(client, &events_path(id), &[])?)
            }
            _ => Source::Poll(poll(client, id, 0)?),
        };
        Ok(Self { client: client.clone(), id, received, after: 0, source, is_closed: false })
    }

    /// Sends a command.
    #[track_caller]
    pub fn send(&self, text: &str) {
        let answer = self.try_send(text).expect("the server listens");
        // A stream that is being closed ignores commands, as a socket does.
        assert!(matches!(answer.status, 202 | 410), "{}: {}", answer.status, answer.text());
    }

    /// Sends a command to a server that may be gone.
    ///
    /// # Errors
    /// If it is.
    pub fn try_send(&self, text: &str) -> io::Result<http::Response> {
        let path = format!("{STREAMS_PATH}/{}/commands", self.id);
        self.client.request("POST", &path).json_text(text).try_send()
    }

    /// The next event as a message of a socket: `closed` is the close frame.
    pub fn read(&mut self) -> Result<Message, Error> {
        if self.is_closed {
            return Err(Error::ConnectionClosed);
        }
        let started = Instant::now();
        while self.received.is_empty() {
            if started.elapsed() > DEADLINE {
                return Err(Error::Io(ErrorKind::TimedOut.into()));
            }
            self.receive()?;
        }
        let text = self.received.pop_front().unwrap_or_default();
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        if value["type"] != "closed" {
            return Ok(Message::text(text));
        }
        self.is_closed = true;
        let code = u16::try_from(value["code"].as_u64().expect("a code")).expect("a small number");
        Ok(Message::Close(Some(CloseFrame { code: code.into(), reason: "".into() })))
    }

    /// The next event as it was sent, if one comes within moments. After the end of the stream none does.
    pub fn try_text(&mut self) -> Option<String> {
        if self.received.is_empty() && !self.is_closed {
            self.is_closed = self.receive().is_err();
        }
        self.received.pop_front()
    }

    fn receive(&mut self) -> Result<(), Error> {
        match &mut self.source {
            Source::Events(events) => {
                if let Some(event) = events.try_event()? {
                    let n =
                        event.id.as_deref().and_then(|id| id.parse().ok()).expect("the number of the event");
                    self.take(n, event.data);
                }
            }
            Source::Poll(stream) => {
                let answer = http::Response::read(stream, false)?;
                if answer.status == 401 {
                    // The session had ended before this request, which says the same.
                    self.received.push_back(r#"{"type":"closed","code":4401}"#.to_owned());
                    return Ok(());
                }
                if answer.status != 200 {
                    return Err(Error::ConnectionClosed);
                }
                let StreamEvents { events, next } = answer.json();
                self.source = Source::Poll(poll(&self.client, self.id, next)?);
                for event in events {
                    self.take(event.n, serde_json::to_string(&event.event).expect("events are JSON"));
                }
                assert_eq!(next, self.after);
            }
        }
        Ok(())
    }

    fn take(&mut self, n: u64, text: String) {
        assert_eq!(n, self.after + 1, "events have numbers without gaps");
        self.after = n;
        self.received.push_back(text);
    }

    /// Closes the stream.
    pub fn close(&mut self) {
        if !std::mem::replace(&mut self.is_closed, true) {
            // The server may be gone.
            let _ = self.client.request("DELETE", &format!("{STREAMS_PATH}/{}", self.id)).try_send();
        }
    }
}

impl Drop for TestStream {
    fn drop(&mut self) {
        self.close();
    }
}

/// Sends a long-poll, whose response is read later.
fn poll(client: &TestClient, id: StreamId, after: u64) -> io::Result<TcpStream> {
    let path = format!("{}?after={after}&wait={WAIT_SECONDS}", events_path(id));
    let mut stream = TcpStream::connect(client.addr())?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(&client.request("GET", &path).header("accept", "application/json").into_bytes())?;
    Ok(stream)
}

fn events_path(id: StreamId) -> String {
    format!("{STREAMS_PATH}/{id}/events")
}

/// A server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentEvent {
    /// `id`.
    pub id: Option<String>,
    /// `event`.
    pub event: Option<String>,
    /// `data`.
    pub data: String,
}

/// A response with server-sent events.
#[derive(Debug)]
pub struct EventReader {
    stream: TcpStream,
    /// What has arrived and is not decoded.
    chunks: Vec<u8>,
    /// What is decoded and not read.
    text: String,
    is_over: bool,
}

impl EventReader {
    /// Opens a response and reads its head.
    #[track_caller]
    pub fn open(client: &TestClient, path: &str, headers: &[(&str, &str)]) -> Self {
        Self::try_open(client, path, headers).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The same of a server that may be gone.
    ///
    /// # Errors
    /// If it is, or refuses the request.
    pub fn try_open(client: &TestClient, path: &str, headers: &[(&str, &str)]) -> io::Result<Self> {
        let mut stream = TcpStream::connect(client.addr())?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let mut request = client.request("GET", path).header("accept", "text/event-stream");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        stream.write_all(&request.into_bytes())?;
        let (head, chunks) = http::Response::read_head(&mut stream)?;
        if (head.status, head.header("content-type")) != (200, Some("text/event-stream")) {
            return Err(io::Error::other(format!("the status is {}", head.status)));
        }
        stream.set_read_timeout(Some(Duration::from_millis(250)))?;
        let mut reader = Self { stream, chunks, text: String::new(), is_over: false };
        reader.decode();
        Ok(reader)
    }

    /// The next event, if one comes within moments.
    ///
    /// # Errors
    /// At the end of the response.
    pub fn try_event(&mut self) -> io::Result<Option<SentEvent>> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                match parse(&block) {
                    Some(event) => return Ok(Some(event)),
                    None => continue,
                }
            }
            if self.is_over {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => self.is_over = true,
                Ok(count) => self.chunks.extend_from_slice(&buffer[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
            self.decode();
        }
    }

    /// The next event.
    #[track_caller]
    pub fn expect_event(&mut self) -> SentEvent {
        let started = Instant::now();
        while started.elapsed() < DEADLINE {
            match self.try_event() {
                Ok(Some(event)) => return event,
                Ok(None) => {}
                Err(error) => panic!("waited for an event: {error}"),
            }
        }
        panic!("no event came")
    }

    /// Waits for the end of the response. Returns what came before it.
    #[track_caller]
    pub fn rest(mut self) -> Vec<SentEvent> {
        let (started, mut events) = (Instant::now(), Vec::new());
        while started.elapsed() < DEADLINE {
            match self.try_event() {
                Ok(event) => events.extend(event),
                Err(_) => return events,
            }
        }
        panic!("the response does not end; it had {events:#?}")
    }

    /// Decodes whole chunks (RFC 9112, section 7.1).
    fn decode(&mut self) {
        while let Ok(httparse::Status::Complete((data_at, size))) = httparse::parse_chunk_size(&self.chunks) {
            let end = data_at + usize::try_from(size).expect("a small chunk");
            if self.chunks.len() < end + 2 {
                return;
            }
            if size == 0 {
                self.is_over = true;
                return;
            }
            self.text.push_str(std::str::from_utf8(&self.chunks[data_at..end]).expect("whole characters"));
            self.chunks.drain(..end + 2);
        }
    }
}

/// An event; `None` for a comment.
fn parse(block: &str) -> Option<SentEvent> {
    let mut event = SentEvent::default();
    let mut has_data = false;
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => event.id = Some(id.to_owned()),
            Some(("event", name)) => event.event = Some(name.to_owned()),
            Some(("retry", time)) => assert!(time.parse::<u32>().is_ok(), "{line:?}"),
            Some(("data", data)) => (event.data, has_data) = (data.to_owned(), true),
            _ => assert!(line.is_empty() || line.starts_with(':'), "{line:?}"),
        }
    }
    has_data.then_some(event)
}
