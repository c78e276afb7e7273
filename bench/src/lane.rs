//! A lane of the fan-out comparison: a server, a crowd of receivers in one room, and a publisher.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::dialect::{Dialect, Join};
use crate::http::Clients;
use crate::pace::{Amount, Pace, Turn, stamped_text};
use crate::receivers::{Received, Receivers};
use crate::run::{Run, Version};
use crate::server::{Server, sends};
use crate::{Outcome, fail, floor, frames};

/// How many deliveries may be in flight to all receivers together, so that the kernel's buffers hold them.
const MAX_DELIVERIES_IN_FLIGHT: u64 = 1_000_000;
/// How many connections send. A steady load uses fewer, so that none is idle until the server closes it.
const SENDERS: usize = 64;
const LEAST_SENDERS: usize = 8;

/// A crowd in one room of a server.
pub struct Lane {
    /// Its name in the report.
    pub name: &'static str,
    server: Server,
    stores: bool,
    receivers: Receivers,
    publisher: Publisher,
}

/// How messages are published.
enum Publisher {
    /// By POST, to these rooms.
    Post { addr: SocketAddr, rooms: Vec<String>, text_length: usize },
    /// As encoded frames.
    Raw { addr: SocketAddr, coalesces: bool, template: Template },
}

/// One of Parlance's frames, in parts.
struct Template {
    before_number: String,
    before_text: String,
    after_text: String,
    text_length: usize,
    next: u64,
}

/// The result of one run.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What the receivers received.
    pub received: Received,
    /// CPU time per delivery, of the server and the database.
    pub cpu_micros: f64,
}

impl Lane {
    /// A version of Parlance.
    pub fn parlance(run: &Run, version: &Version, count: usize, text_length: usize) -> Outcome<Self> {
        Self::parlance_by(run, version, Dialect::Parlance, count, text_length)
    }

    /// A version of Parlance whose receivers use this transport.
    pub fn parlance_by(
        run: &Run,
        version: &Version,
        dialect: Dialect,
        count: usize,
        text_length: usize,
    ) -> Outcome<Self> {
        let rooms = run.create_rooms(version, "crowd", 1)?;
        let server = Server::parlance(run, version)?;
        Self::posting(version.name, server, dialect, rooms, count, text_length)
    }

    /// socket.io, if it is installed.
    pub fn peer(run: &Run, count: usize, text_length: usize) -> Outcome<Option<Self>> {
        let Some(installed) = &run.peer else { return Ok(None) };
        let rooms = crate::reference::room_ids(1);
        let server = Server::peer(run, installed)?;
        Self::posting("socket.io + express + pg", server, Dialect::SocketIo, rooms, count, text_length)
            .map(Some)
    }

    /// The bare loop, with one write per frame.
    pub fn floor(run: &Run, count: usize, text_length: usize) -> Outcome<Self> {
        let server = Server::floor(run)?;
        let receivers = Receivers::connect(server.addr, Dialect::Floor, count, |_| Join::default())?;
        let template = Template::new(text_length);
        let publisher = Publisher::Raw { addr: server.addr, coalesces: false, template };
        Ok(Self { name: "Bare loop, one write a frame", server, stores: false, receivers, publisher })
    }

    /// Whether the bare loop writes all frames that have arrived at once.
    pub fn coalesce(&mut self, wanted: bool) {
        if let Publisher::Raw { coalesces, .. } = &mut self.publisher {
            *coalesces = wanted;
        }
    }

    fn posting(
        name: &'static str,
        server: Server,
        dialect: Dialect,
        rooms: Vec<String>,
        count: usize,
        text_length: usize,
    ) -> Outcome<Self> {
        let join = Join { rooms: rooms.clone(), ..Join::default() };
        let receivers = Receivers::connect(server.addr, dialect, count, |_| join.clone())?;
        let publisher = Publisher::Post { addr: server.addr, rooms, text_length };
        Ok(Self { name, server, stores: true, receivers, publisher })
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The rooms that are published to.
    pub fn rooms(&self) -> &[String] {
        match &self.publisher {
            Publisher::Post { rooms, .. } => rooms,
            Publisher::Raw { .. } => &[],
        }
    }

    /// Publishes a number of messages per second, at intended times.
    pub fn steady(&mut self, run: &Run, per_second: f64, time: Duration) -> Outcome<Sample> {
        self.run(run, Pace::Open(per_second), time)
    }

    /// Publishes as fast as the receivers read, with at most `in_flight` messages in flight to the slowest of them.
    pub fn saturated(&mut self, run: &Run, in_flight: u64, time: Duration) -> Outcome<Sample> {
        let window = possible_in_flight(in_flight, self.receivers.count());
        let progress = self.receivers.progress_counter();
        let is_open = move |sent: u64| sent < progress.load(Ordering::Relaxed) + window;
        self.run(run, Pace::Gated(&is_open), time)
    }

    fn run(&mut self, run: &Run, pace: Pace<'_>, time: Duration) -> Outcome<Sample> {
        self.receivers.begin()?;
        let cpu_before = self.cpu_time(run);
        let sent = self.publisher.publish(pace, time)?;
        let received = self
            .receivers
            .finish(sent)?
            .complete()
            .map_err(|error| fail(format!("{}: {error}", self.name)))?;
        let cpu = self.cpu_time(run) - cpu_before;
        Ok(Sample { cpu_micros: cpu.as_secs_f64() * 1e6 / received.deliveries as f64, received })
    }

    fn cpu_time(&self, run: &Run) -> Duration {
        self.server.cpu_time() + if self.stores { run.cluster.cpu_time() } else { Duration::ZERO }
    }
}

/// How many messages can be in flight to each of so many receivers, if `wanted` are wanted.
pub fn possible_in_flight(wanted: u64, receivers: usize) -> u64 {
    wanted.min(MAX_DELIVERIES_IN_FLIGHT / receivers as u64)
}

impl Publisher {
    /// Returns how many messages were sent.
    fn publish(&mut self, pace: Pace<'_>, time: Duration) -> Outcome<u64> {
        match self {
            Self::Post { addr, rooms, text_length } => {
                let senders = match pace {
                    Pace::Open(per_second) => (per_second as usize / 4).clamp(LEAST_SENDERS, SENDERS),
                    _ => SENDERS,
                };
                let mut clients = Clients::connect(*addr, senders)?;
                Ok(clients.run(pace, Amount::Lasting(time), sends(rooms, *text_length))?.count())
            }
            Self::Raw { addr, coalesces, template } => {
                let mut stream = TcpStream::connect(*addr)?;
                stream.set_nodelay(true)?;
                stream.write_all(if *coalesces { floor::PUBLISH_COALESCED } else { floor::PUBLISH })?;
                // Otherwise the server would read the first frames as a part of the greeting.
                thread::sleep(Duration::from_millis(50));
                let (start, mut sent) = (Instant::now(), 0);
                let amount = Amount::Lasting(time);
                loop {
                    match pace.turn(sent, start, Instant::now()) {
                        Turn::Due(due) if !amount.covers(sent, start, due) => return Ok(sent),
                        Turn::Due(due) => {
                            stream.write_all(&template.frame(due))?;
                            sent += 1;
                        }
                        Turn::Wait(wait) if !amount.covers(sent, start, Instant::now() + wait) => {
                            return Ok(sent);
                        }
                        Turn::Wait(wait) => thread::sleep(wait),
                    }
                }
            }
        }
    }
}

impl Template {
    /// As long as Parlance's frames, and readable by the same code.
    fn new(text_length: usize) -> Self {
        let id = "00000000-0000-7000-8000-000000000000";
        let time = "2026-01-01T00:00:00.000Z";
        Self {
            before_number: format!(r#"{{"type":"message_created","room_id":"{id}","rev":"#),
            before_text: format!(
                r#","message":{{"id":"{id}","room_id":"{id}","seq":1000,"rev":1000,"author":{{"id":"{id}","username":"guest10","kind":"guest"}},"text":""#
            ),
            after_text: format!(r#"","created_at":"{time}","edited_at":null,"deleted_at":null}}}}"#),
            text_length,
            next: 1,
        }
    }

    fn frame(&mut self, due: Instant) -> Vec<u8> {
        let Self { before_number, before_text, after_text, text_length, next } = self;
        let text = stamped_text(due, *text_length);
        let payload = format!("{before_number}{next}{before_text}{text}{after_text}");
        *next += 1;
        frames::server(frames::TEXT, payload.as_bytes())
    }
}
