//! Somebody who uses the HTTP API.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};

use serde::Serialize;
use shared::users::{GUESTS_PATH, Guest, User};

use crate::http::{self, Response};
use crate::wait::DEADLINE;

/// A client with or without an identity. Clones are the same person.
#[derive(Clone, Debug)]
pub struct TestClient {
    addr: SocketAddr,
    identity: Option<Identity>,
}

#[derive(Clone, Debug)]
struct Identity {
    user: User,
    token: String,
    cookie: Option<String>,
}

impl TestClient {
    /// Somebody without a name.
    pub fn anonymous(addr: SocketAddr) -> Self {
        Self { addr, identity: None }
    }

    /// A new guest, who signs requests by `Authorization: Bearer`.
    #[track_caller]
    pub fn guest(addr: SocketAddr, username: &str) -> Self {
        let answer =
            Self::anonymous(addr).post(GUESTS_PATH, &serde_json::json!({ "username": username })).expect(201);
        let cookie =
            answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).map(str::to_owned);
        let Guest { user, token } = answer.json();
        Self { addr, identity: Some(Identity { user, token, cookie }) }
    }

    /// Somebody whose user and token are in the database already.
    pub fn known(addr: SocketAddr, user: User, token: &str) -> Self {
        Self { addr, identity: Some(Identity { user, token: token.to_owned(), cookie: None }) }
    }

    /// The server's address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Who it is.
    #[track_caller]
    pub fn user(&self) -> &User {
        &self.identity.as_ref().expect("somebody").user
    }

    /// What proves it.
    pub fn token(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.token.as_str())
    }

    /// What a browser sends as `Cookie`.
    #[track_caller]
    pub fn cookie(&self) -> &str {
        self.identity
            .as_ref()
            .and_then(|identity| identity.cookie.as_deref())
            .expect("a guest of POST /guests")
    }

    /// A request without a body, signed if there is an identity.
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

    /// PATCH with JSON.
    pub fn patch(&self, path: &str, body: &impl Serialize) -> Response {
        self.request("PATCH", path).json(body).send()
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Response {
        self.request("DELETE", path).send()
    }
}

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Request {
    addr: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// With one more header field.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With these bytes as its body, of no named type.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// With this text as `application/json`, whether it is JSON or not.
    pub fn json_text(self, text: &str) -> Self {
        self.header("content-type", "application/json").body(text)
    }

    /// With this as its JSON body.
    pub fn json(self, body: &impl Serialize) -> Self {
        let json = serde_json::to_string(body).expect("test data is JSON");
        self.json_text(&json)
    }

    /// Sends it on a connection of its own.
    pub fn send(self) -> Response {
        http::exchange(self.addr, &self.into_bytes())
    }

    /// The same to a server that may end before it has answered.
    pub fn try_send(self) -> io::Result<Response> {
        let mut stream = TcpStream::connect(self.addr)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(&self.into_bytes())?;
        Response::read(&mut stream, false)
    }

    fn into_bytes(self) -> Vec<u8> {
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
