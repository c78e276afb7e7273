//! A client of the HTTP API.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};

use serde::Serialize;
use shared::users::{GUESTS_PATH, Guest, Me, SignedIn, USERS_PATH, User};

use crate::http::{self, Response};
use crate::transport::Transport;
use crate::wait::DEADLINE;

/// The password of members in tests.
pub const PASSWORD: &str = "correct horse battery";

/// A client with or without a session. Clones share the session.
#[derive(Clone, Debug)]
pub struct TestClient {
    addr: SocketAddr,
    identity: Option<Identity>,
    transport: Transport,
}

#[derive(Clone, Debug)]
struct Identity {
    user: User,
    token: String,
    cookie: Option<String>,
}

impl TestClient {
    /// A client without a session.
    pub fn anonymous(addr: SocketAddr) -> Self {
        Self { addr, identity: None, transport: Transport::WebSocket }
    }

    /// A new guest, who authenticates with `Authorization: Bearer`.
    #[track_caller]
    pub fn guest(addr: SocketAddr, username: &str) -> Self {
        let answer =
            Self::anonymous(addr).post(GUESTS_PATH, &serde_json::json!({ "username": username })).expect(201);
        let cookie =
            answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).map(str::to_owned);
        let Guest { user, token } = answer.json();
        let identity = Some(Identity { user, token, cookie });
        Self { identity, ..Self::anonymous(addr) }
    }

    /// A client whose user and token are already in the database.
    pub fn known(addr: SocketAddr, user: User, token: &str) -> Self {
        let identity = Some(Identity { user, token: token.to_owned(), cookie: None });
        Self { identity, ..Self::anonymous(addr) }
    }

    /// A new member with [`PASSWORD`].
    #[track_caller]
    pub fn member(addr: SocketAddr, username: &str) -> Self {
        Self::signed_in(addr, &Self::anonymous(addr).sign_up(username).expect(201))
    }

    /// Signs up with [`PASSWORD`]. A guest becomes the member.
    pub fn sign_up(&self, username: &str) -> Response {
        self.post(USERS_PATH, &serde_json::json!({ "username": username, "password": PASSWORD }))
    }

    /// The client of a session that a response opened.
    #[track_caller]
    pub fn signed_in(addr: SocketAddr, answer: &Response) -> Self {
        let cookie =
            answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).map(str::to_owned);
        let SignedIn { user: Me { user, .. }, token } = answer.json();
        let identity = Some(Identity { user, token, cookie });
        Self { identity, ..Self::anonymous(addr) }
    }

    /// The same client, connected by another transport.
    pub fn by(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// How the client is connected.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The server's address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The user of the session.
    #[track_caller]
    pub fn user(&self) -> &User {
        &self.identity.as_ref().expect("a session").user
    }

    /// The token of the session.
    pub fn token(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.token.as_str())
    }

    /// The session cookie, as a browser sends it.
    #[track_caller]
    pub fn cookie(&self) -> &str {
        self.identity
            .as_ref()
            .and_then(|identity| identity.cookie.as_deref())
            .expect("a guest of POST /guests")
    }

    /// A request without a body, authenticated if there is a session.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let request = Request {
            addr: self.addr,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        };
        match self.token() {
            Some(token) => request.header("authorization", &format!("Bearer {token}")),
            None => request,
        }
    }

    /// GET.
    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path).send()
    }

    /// POST of JSON.
    pub fn post(&self, path: &str, body: &impl Serialize) -> Response {
        self.request("POST", path).json(body).send()
    }

    /// PUT of JSON.
    pub fn put(&self, path: &str, body: &impl Serialize) -> Response {
        self.request("PUT", path).json(body).send()
    }

    /// PATCH with JSON.
    pub fn patch(&self, path: &str, body: &impl Serialize) -> Response {
        self.request("PATCH", path).json(body).send()
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Response {
        self.request("DELETE", path).send()
    }
}

/// A request that is being built.
#[derive(Clone, Debug)]
pub struct Request {
    addr: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// Adds a header field.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body, without a content type.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the body to a text declared as `application/json`, which may be invalid JSON.
    pub fn json_text(self, text: &str) -> Self {
        self.header("content-type", "application/json").body(text)
    }

    /// Sets the body to the JSON of a value.
    pub fn json(self, body: &impl Serialize) -> Self {
        let json = serde_json::to_string(body).expect("test data is JSON");
        self.json_text(&json)
    }

    /// Sends the request on a new connection.
    pub fn send(self) -> Response {
        http::exchange(self.addr, &self.into_bytes())
    }

    /// Sends the request to a server that may end before it answers.
    pub fn try_send(self) -> io::Result<Response> {
        let mut stream = TcpStream::connect(self.addr)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(&self.into_bytes())?;
        Response::read(&mut stream, false)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", self.method, self.path, self.addr);
        if self.headers.iter().all(|(name, _)| name != "connection") {
            bytes.push_str("connection: close\r\n");
        }
        for (name, value) in &self.headers {
            bytes.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            bytes.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        bytes.push_str("\r\n");
        let mut bytes = bytes.into_bytes();
        bytes.extend(self.body.unwrap_or_default());
        bytes
    }
}
