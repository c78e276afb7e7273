//! (h) What answers give away by their time, and what passwords cost others.
//!
//! Two kinds of request are sent in turn over one connection. Welch's t-test says whether their times differ, as in
//! dudect (Reparaz, Balasch and Verbauwhede, 2017), whose threshold for |t| is 4.5.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::{Clients, whole_length, write_post};
use crate::pace::{Amount, Pace};
use crate::report::{Goal, Section, Target};
use crate::run::{Run, token};
use crate::server::{Server, sends};
use crate::stats::{Spread, welch_t};
use crate::{Outcome, fail};

/// Samples of each of two kinds.
const SAMPLES: usize = 2_000;
/// The same in a quick run.
const FEW_SAMPLES: usize = 200;
/// Samples before the first that counts, of each kind.
const WARM_UP: usize = 50;
/// How many passwords are tried at once.
const SIGN_INS: usize = 100;
/// Messages per second of others meanwhile.
const SENDS_PER_SECOND: f64 = 50.0;
/// Whether times differ, by dudect.
const MOST_T: f64 = 4.5;
const PASSWORD: &str = "correct horse battery";

/// Runs the suite.
pub fn measure(run: &Run) -> Outcome<Section> {
    let rooms = run.create_rooms(&run.now, "secrecy", 1)?;
    let server = Server::parlance(run, &run.now)?;
    let samples = if run.rounds == 1 { FEW_SAMPLES } else { SAMPLES };
    let mut connection = Connection::open(server.addr)?;
    let account = sign_up(&mut connection, "Known Account")?;
    let hidden = create_private_room(&mut connection, &account)?;
    let absent = "0190a5b0-0000-7000-8000-000000000001";

    let mut section = Section::new("(h) What the time of an answer gives away");
    section.note(format!(
        "{samples} requests of each kind, in turn over one connection; |t| by Welch's test, as in dudect."
    ));
    let reader = token(0);
    let room_path = |id: &str, rest: &str| format!("/api/v1/rooms/{id}{rest}");
    let get = |path: String| request("GET", &path, Some(&reader), "");
    let send = |id: &str| request("POST", &room_path(id, "/messages"), Some(&reader), r#"{"text":"hello"}"#);
    let sign_in = |name: &str| {
        let json = format!(r#"{{"username":"{name}","password":"a wrong password"}}"#);
        request("POST", "/api/v1/sessions", None, &json)
    };
    let pairs = [
        ("a hidden and an absent room, GET", [&hidden, absent].map(|id| get(room_path(id, "")))),
        ("the same, its messages", [&hidden, absent].map(|id| get(room_path(id, "/messages")))),
        ("the same, sending a message", [&hidden, absent].map(send)),
        ("a known and an unknown account, signing in", ["Known Account", "Unknown Account"].map(sign_in)),
    ];
    for (what, kinds) in pairs {
        run.say(&format!("(h) {what}"));
        let t = compare(&mut connection, &kinds, samples)?;
        section.goal(Goal::new(what, Target::AtMost(MOST_T), Spread::of([t.abs()])).with_unit(" |t|"));
    }

    run.say("(h) many passwords at once");
    let quiet = sends_p99(run, &server, &rooms)?;
    let flood = Flood::begin(server.addr)?;
    let busy = sends_p99(run, &server, &rooms)?;
    flood.end()?;
    let what = format!("p99 of sends while {SIGN_INS} sign in, ÷ quiet");
    section.goal(Goal::new(what, Target::AtMost(3.0), Spread::of([busy / quiet])));
    Ok(section)
}

/// The p99 of messages that others send meanwhile, in milliseconds.
fn sends_p99(run: &Run, server: &Server, rooms: &[String]) -> Outcome<f64> {
    let mut clients = Clients::connect(server.addr, 8)?;
    clients.run(Pace::Closed, Amount::Count(100), sends(rooms, 60))?;
    let answers =
        clients.run(Pace::Open(SENDS_PER_SECOND), Amount::Lasting(run.window * 2), sends(rooms, 60))?;
    Ok(answers.latencies.millis(0.99))
}

/// Connections that try passwords without a pause.
struct Flood {
    threads: Vec<thread::JoinHandle<()>>,
    is_over: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Flood {
    fn begin(addr: SocketAddr) -> Outcome<Self> {
        let is_over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let mut threads = Vec::new();
        for number in 0..SIGN_INS {
            let is_over = is_over.clone();
            threads.push(thread::Builder::new().stack_size(128 * 1024).spawn(move || {
                let json = format!(r#"{{"username":"flood {number}","password":"a wrong password"}}"#);
                let request = request("POST", "/api/v1/sessions", None, &json);
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    // Most are refused at once, because the server hashes only a few for an address.
                    let tried =
                        Connection::open(addr).and_then(|mut connection| connection.exchange(&request));
                    if tried.is_err() {
                        return;
                    }
                }
            })?);
        }
        Ok(Self { threads, is_over })
    }

    fn end(self) -> Outcome<()> {
        self.is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| fail("a connection that signs in panicked"))?;
        }
        Ok(())
    }
}

/// Sends two kinds of request in turn, and compares their times.
fn compare(connection: &mut Connection, kinds: &[Vec<u8>; 2], samples: usize) -> Outcome<f64> {
    let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for turn in 0..WARM_UP + samples {
        // The order changes, so that neither kind always comes second.
        for place in [turn % 2, (turn + 1) % 2] {
            let began = Instant::now();
            connection.exchange(&kinds[place])?;
            if turn >= WARM_UP {
                times[place].push(began.elapsed().as_secs_f64());
            }
        }
    }
    Ok(welch_t(&times[0], &times[1]))
}

fn request(method: &str, path: &str, token: Option<&str>, json: &str) -> Vec<u8> {
    let authorization = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    let content = match json {
        "" => String::new(),
        json => format!("content-type: application/json\r\ncontent-length: {}\r\n", json.len()),
    };
    format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n{authorization}{content}\r\n{json}").into_bytes()
}

/// Signs up and returns the token.
fn sign_up(connection: &mut Connection, name: &str) -> Outcome<String> {
    let json = format!(r#"{{"username":"{name}","password":"{PASSWORD}"}}"#);
    let answer = connection.exchange(&request("POST", "/api/v1/users", None, &json))?;
    text_after(&answer, "\"token\":\"")
}

/// Creates a private room with a message, and returns its id.
fn create_private_room(connection: &mut Connection, token: &str) -> Outcome<String> {
    let json = r#"{"name":"hidden","visibility":"private"}"#;
    let answer = connection.exchange(&request("POST", "/api/v1/rooms", Some(token), json))?;
    let id = text_after(&answer, "\"id\":\"")?;
    let mut message = Vec::new();
    write_post(&mut message, &format!("/api/v1/rooms/{id}/messages"), token, r#"{"text":"a secret"}"#);
    connection.exchange(&message)?;
    Ok(id)
}

/// The text between this mark and the next quote.
fn text_after(answer: &str, mark: &str) -> Outcome<String> {
    let rest = answer.split_once(mark).map(|(_, rest)| rest);
    let text = rest.and_then(|rest| rest.split('"').next());
    text.map(str::to_owned).ok_or_else(|| fail(format!("an answer has no {mark}: {answer}")))
}

/// A connection that waits for each answer.
struct Connection(TcpStream);

impl Connection {
    fn open(addr: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(15)))?;
        Ok(Self(stream))
    }

    /// Sends a request and returns the answer, whatever its status.
    fn exchange(&mut self, request: &[u8]) -> Outcome<String> {
        self.0.write_all(request)?;
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
