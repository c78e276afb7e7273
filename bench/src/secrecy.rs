//! (j) What answers give away by their time, and what passwords cost others.
//!
//! Two kinds of request are sent in turn over one connection. Welch's t-test says whether their times differ, as in
//! dudect (Reparaz, Balasch and Verbauwhede, 2017), whose threshold for |t| is 4.5.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::exchange::{Connection, authorization, request};
use crate::http::{Clients, write_post};
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
    let server = Server::parlance_with(run, &run.now, &["--trusted-proxies", "127.0.0.1"])?;
    let samples = if run.rounds == 1 { FEW_SAMPLES } else { SAMPLES };
    let mut connection = Connection::open(server.addr)?;
    let account = sign_up(&mut connection, "Known Account")?;
    let hidden = create_private_room(&mut connection, &account)?;
    let absent = "0190a5b0-0000-7000-8000-000000000001";

    let mut section = Section::new("(j) What the time of an answer gives away");
    section.note(format!(
        "{samples} requests of each kind, in turn over one connection. t is the size of Welch's t, as in dudect."
    ));
    let reader = authorization(&token(0));
    let room_path = |id: &str, rest: &str| format!("/api/v1/rooms/{id}{rest}");
    let get = |path: String| request("GET", &path, &reader, "");
    let send = |id: &str| request("POST", &room_path(id, "/messages"), &reader, r#"{"text":"hello"}"#);
    let sign_in = |name: &str| {
        let json = format!(r#"{{"username":"{name}","password":"a wrong password"}}"#);
        request("POST", "/api/v1/sessions", "", &json)
    };
    let pairs = [
        ("a hidden and an absent room, GET", [&hidden, absent].map(|id| get(room_path(id, "")))),
        ("the same, its messages", [&hidden, absent].map(|id| get(room_path(id, "/messages")))),
        ("the same, sending a message", [&hidden, absent].map(send)),
        ("a known and an unknown account, signing in", ["Known Account", "Unknown Account"].map(sign_in)),
    ];
    for (what, kinds) in pairs {
        run.say(&format!("(j) {what}"));
        let t = compare(&mut connection, &kinds, samples)?;
        section.goal(Goal::new(format!("{what}: t"), Target::AtMost(MOST_T), Spread::of([t.abs()])));
    }

    run.say("(j) many passwords at once");
    let quiet = sends_p99(run, &server, &rooms)?;
    let (flood, began) = (Flood::begin(server.addr)?, Instant::now());
    let busy = sends_p99(run, &server, &rooms)?;
    let rate = flood.end()? as f64 / began.elapsed().as_secs_f64();
    section.note(format!(
        "{SIGN_INS} sign-ins: each from an address of its own, with a wrong password, repeated when it is answered: \
         {rate:.0} a second. Others send {SENDS_PER_SECOND} messages a second: p99 {quiet:.2} ms before, {busy:.2} ms \
         meanwhile."
    ));
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

/// As many people as [`SIGN_INS`], each at an address of their own, who sign in again as soon as they are answered.
struct Flood {
    threads: Vec<thread::JoinHandle<Outcome<()>>>,
    is_over: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
}

impl Flood {
    fn begin(addr: SocketAddr) -> Outcome<Self> {
        let (is_over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut threads = Vec::new();
        for number in 0..SIGN_INS {
            let (is_over, count) = (is_over.clone(), count.clone());
            threads.push(thread::Builder::new().stack_size(128 * 1024).spawn(move || {
                let json = format!(r#"{{"username":"flood {number}","password":"a wrong password"}}"#);
                let address = format!("x-forwarded-for: 10.0.0.{number}\r\n");
                let request = request("POST", "/api/v1/sessions", &address, &json);
                let mut connection = Connection::open(addr)?;
                while !is_over.load(Ordering::Relaxed) {
                    let answer = connection.exchange(&request)?;
                    if !answer.starts_with("HTTP/1.1 401") {
                        return Err(fail(format!("a wrong password is answered with {answer}")));
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })?);
        }
        Ok(Self { threads, is_over, count })
    }

    /// Ends it and returns how many passwords were compared.
    fn end(self) -> Outcome<usize> {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| fail("a connection that signs in panicked"))??;
        }
        Ok(self.count.load(Ordering::Relaxed))
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

/// Signs up and returns the token.
fn sign_up(connection: &mut Connection, name: &str) -> Outcome<String> {
    let json = format!(r#"{{"username":"{name}","password":"{PASSWORD}"}}"#);
    let answer = connection.exchange(&request("POST", "/api/v1/users", "", &json))?;
    text_after(&answer, "\"token\":\"")
}

/// Creates a private room with a message, and returns its id.
fn create_private_room(connection: &mut Connection, token: &str) -> Outcome<String> {
    let json = r#"{"name":"hidden","visibility":"private"}"#;
    let answer = connection.exchange(&request("POST", "/api/v1/rooms", &authorization(token), json))?;
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
