//! A client of the WebSocket, or of a stream in its place.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use shared::events::{ClientCommand, ServerEvent};
use shared::ids::{Rev, RoomId};
use shared::rooms::Room;
use shared::server::{SOCKET_PATH, SOCKET_PROTOCOL};
use shared::users::User;
use tungstenite::{ClientRequestBuilder, Error, Message, WebSocket};

use crate::client::TestClient;
use crate::http;
use crate::stream::TestStream;
use crate::transport::Transport;
use crate::wait::DEADLINE;

/// An open socket, or a stream: what both have in common is tested by the same tests.
#[derive(Debug)]
pub struct TestSocket {
    line: Line,
    pings: u32,
}

#[derive(Debug)]
enum Line {
    Socket(Box<WebSocket<TcpStream>>),
    Stream(Box<TestStream>),
}

/// The answer to a subscription.
#[derive(Clone, Debug)]
pub struct Subscribed {
    /// The room.
    pub room: Room,
    /// The `rev` after which live delivery begins.
    pub rev: Rev,
    /// The listed users in the room.
    pub online: Vec<User>,
    /// The number of visitors.
    pub visitors: u32,
}

impl TestSocket {
    /// Opens a socket with the token of `client`, if it has one, and reads `hello`.
    #[track_caller]
    pub fn connect(client: &TestClient) -> Self {
        let mut socket = Self::open(client);
        socket.expect(|event| matches!(event, ServerEvent::Hello { .. }).then_some(()));
        socket
    }

    /// Opens a socket without reading `hello`.
    #[track_caller]
    pub fn open(client: &TestClient) -> Self {
        if client.transport() != Transport::WebSocket {
            return Self {
                line: Line::Stream(Box::new(TestStream::open(client).expect("the server listens"))),
                pings: 0,
            };
        }
        let authorization = client.token().map(|token| format!("Bearer {token}"));
        let headers = authorization.iter().map(|value| ("authorization", value.as_str())).collect::<Vec<_>>();
        Self::open_with(client.addr(), &headers)
    }

    /// Opens a socket to a server that may be gone.
    ///
    /// # Errors
    /// Why it is not open.
    pub fn try_open(client: &TestClient) -> Result<Self, Error> {
        let line = if client.transport() == Transport::WebSocket {
            let uri = format!("ws://{}{SOCKET_PATH}", client.addr());
            let mut request = ClientRequestBuilder::new(uri.parse().expect("a URI"));
            if let Some(token) = client.token() {
                request = request.with_header("authorization", format!("Bearer {token}"));
            }
            let stream = TcpStream::connect(client.addr())?;
            stream.set_read_timeout(Some(DEADLINE))?;
            let (socket, _) = tungstenite::client::client(request, stream).map_err(|error| match error {
                tungstenite::HandshakeError::Failure(error) => error,
                tungstenite::HandshakeError::Interrupted(_) => Error::Io(io::ErrorKind::TimedOut.into()),
            })?;
            Line::Socket(Box::new(socket))
        } else {
            Line::Stream(Box::new(TestStream::open(client)?))
        };
        Ok(Self { line, pings: 0 })
    }

    /// Sends a command to a server that may be gone. Returns whether it was sent.
    pub fn try_send(&mut self, command: &ClientCommand) -> bool {
        let text = serde_json::to_string(command).expect("commands are JSON");
        match &mut self.line {
            Line::Socket(socket) => socket.send(Message::text(text)).is_ok(),
            Line::Stream(stream) => stream.try_send(&text).is_ok(),
        }
    }

    /// The next event, or `None` at the end of the connection.
    pub fn try_next(&mut self) -> Option<ServerEvent> {
        loop {
            match self.read().ok()? {
                Message::Text(text) => return serde_json::from_str(&text).ok(),
                Message::Ping(_) | Message::Pong(_) => {}
                _ => return None,
            }
        }
    }

    /// Opens a socket with additional header fields in the handshake.
    #[track_caller]
    pub fn open_with(addr: SocketAddr, headers: &[(&str, &str)]) -> Self {
        let uri = format!("ws://{addr}{SOCKET_PATH}").parse().expect("a URI");
        let mut request = ClientRequestBuilder::new(uri).with_sub_protocol(SOCKET_PROTOCOL);
        for (name, value) in headers {
            request = request.with_header(*name, *value);
        }
        let stream = http::connect(addr);
        // Short, so that the deadline can be checked. Partial reads are kept by the socket.
        stream.set_read_timeout(Some(Duration::from_millis(250))).expect("a timeout that is not zero");
        let started = Instant::now();
        let mut handshake = tungstenite::client::client(request, stream);
        loop {
            handshake = match handshake {
                Ok((socket, _)) => return Self { line: Line::Socket(Box::new(socket)), pings: 0 },
                Err(tungstenite::HandshakeError::Interrupted(half)) if started.elapsed() < DEADLINE => {
                    half.handshake()
                }
                Err(error) => panic!("the socket was refused: {error}"),
            }
        }
    }

    /// Sends a command.
    #[track_caller]
    pub fn send(&mut self, command: &ClientCommand) {
        self.send_text(&serde_json::to_string(command).expect("commands are JSON"));
    }

    /// Sends any text.
    #[track_caller]
    pub fn send_text(&mut self, text: &str) {
        match &mut self.line {
            Line::Socket(socket) => socket.send(Message::text(text)).expect("the socket is open"),
            Line::Stream(stream) => stream.send(text),
        }
    }

    /// Sends a WebSocket message of any kind.
    #[track_caller]
    pub fn send_message(&mut self, message: Message) {
        self.web_socket().send(message).expect("the socket is open");
    }

    /// Writes any bytes to the connection.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        // The server may close after the first bytes, which a later read notices.
        let _ = self.web_socket().get_mut().write_all(bytes);
    }

    /// The TCP connection.
    pub fn stream(&self) -> &TcpStream {
        match &self.line {
            Line::Socket(socket) => socket.get_ref(),
            Line::Stream(_) => panic!("a stream has no connection of its own"),
        }
    }

    fn web_socket(&mut self) -> &mut WebSocket<TcpStream> {
        match &mut self.line {
            Line::Socket(socket) => socket,
            Line::Stream(_) => panic!("only sockets have frames"),
        }
    }

    /// The next WebSocket message, if one comes in time.
    fn read(&mut self) -> Result<Message, Error> {
        let started = Instant::now();
        let socket = match &mut self.line {
            Line::Socket(socket) => socket,
            Line::Stream(stream) => return stream.read(),
        };
        loop {
            match socket.read() {
                Err(Error::Io(error)) if is_timeout(&error) && started.elapsed() < DEADLINE => {}
                result => return result,
            }
        }
    }

    /// The next text as it was sent, if one comes within moments. After the end of the connection none does.
    pub fn try_text(&mut self) -> Option<String> {
        let socket = match &mut self.line {
            Line::Socket(socket) => socket,
            Line::Stream(stream) => return stream.try_text(),
        };
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                _ => return None,
            }
        }
    }

    /// The next event.
    #[track_caller]
    pub fn next_event(&mut self) -> ServerEvent {
        loop {
            match self.read() {
                Ok(Message::Text(text)) => {
                    return serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                }
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(other) => panic!("waited for an event, got {other:?}"),
                Err(error) => panic!("waited for an event, got {error}"),
            }
        }
    }

    /// The first event for which `wanted` returns a value.
    #[track_caller]
    pub fn expect<T>(&mut self, mut wanted: impl FnMut(&ServerEvent) -> Option<T>) -> T {
        let started = Instant::now();
        let mut passed = Vec::new();
        while started.elapsed() < DEADLINE {
            let event = self.next_event();
            if let Some(found) = wanted(&event) {
                return found;
            }
            passed.push(event);
        }
        panic!("the event did not come; these did: {passed:#?}")
    }

    /// The next event with a `rev`. Presence and typing are skipped.
    #[track_caller]
    pub fn next_change(&mut self) -> (Rev, ServerEvent) {
        self.expect(|event| rev(event).map(|rev| (rev, event.clone())))
    }

    /// All events that were sent before this call, up to the answer to a `ping`.
    #[track_caller]
    pub fn settle(&mut self) -> Vec<ServerEvent> {
        self.pings += 1;
        let id = format!("settle {}", self.pings);
        self.send(&ClientCommand::Ping { id: id.clone() });
        let mut events = Vec::new();
        loop {
            match self.next_event() {
                ServerEvent::Pong { id: answered } if answered == id => return events,
                event => events.push(event),
            }
        }
    }

    /// Asserts that no change was sent before this call.
    #[track_caller]
    pub fn assert_quiet(&mut self) {
        let events = self.settle();
        assert!(events.iter().all(|event| rev(event).is_none()), "{events:#?}");
    }

    /// Follows a room and is present in it.
    #[track_caller]
    pub fn subscribe(&mut self, room_id: RoomId) -> Subscribed {
        self.send(&ClientCommand::subscribe(room_id, None, true));
        self.subscribed(room_id)
    }

    /// Follows a room and resumes after `since`.
    #[track_caller]
    pub fn resume(&mut self, room_id: RoomId, since: Rev) -> Subscribed {
        self.send(&ClientCommand::subscribe(room_id, Some(since), true));
        self.subscribed(room_id)
    }

    #[track_caller]
    fn subscribed(&mut self, wanted: RoomId) -> Subscribed {
        self.expect(|event| match event {
            ServerEvent::Subscribed { room, rev, online, visitors } if room.id == wanted => {
                Some(Subscribed {
                    room: room.clone(),
                    rev: *rev,
                    online: online.clone(),
                    visitors: *visitors,
                })
            }
            ServerEvent::Error { code, detail, .. } => {
                panic!("the subscription was refused: {code:?}, {detail}")
            }
            _ => None,
        })
    }

    /// Reads until the server closes. Returns the code of the close frame.
    #[track_caller]
    pub fn closed(mut self) -> u16 {
        self.wait_closed()
    }

    /// The same without consuming the socket.
    #[track_caller]
    pub fn wait_closed(&mut self) -> u16 {
        let started = Instant::now();
        while started.elapsed() < DEADLINE {
            match self.read() {
                Ok(Message::Close(Some(frame))) => return frame.code.into(),
                Ok(Message::Close(None)) => panic!("the close frame has no code"),
                Ok(_) => {}
                Err(error) => panic!("the connection ended without a close frame: {error}"),
            }
        }
        panic!("the server did not close the socket")
    }

    /// The next event, or the code of the server's close frame.
    #[track_caller]
    pub fn next_or_close(&mut self) -> Result<ServerEvent, u16> {
        loop {
            match self.read() {
                Ok(Message::Text(text)) => {
                    return Ok(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")));
                }
                Ok(Message::Close(Some(frame))) => return Err(frame.code.into()),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(other) => panic!("waited for an event, got {other:?}"),
                Err(error) => panic!("waited for an event, got {error}"),
            }
        }
    }

    /// Closes the socket and waits for the close frame of the server.
    pub fn leave(mut self) {
        match &mut self.line {
            Line::Socket(socket) => drop(socket.close(None)),
            Line::Stream(stream) => return stream.close(),
        }
        while self.read().is_ok() {}
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The `rev` of the change in an event.
pub fn rev(event: &ServerEvent) -> Option<Rev> {
    event.rev()
}

/// A client's frame (RFC 6455, section 5.2), masked with zeros: `first` is the byte of flags and opcode.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).expect("at most 125")),
        length @ 126..=0xFFFF => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).expect("at most 65,535").to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}
