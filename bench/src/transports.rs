//! (h) Transports other than the WebSocket: what server-sent events and waiting requests cost.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::dialect::{Dialect, Join};
use crate::fanout::TEXT_LENGTH;
use crate::http::{Clients, whole_length, write_get};
use crate::lane::{Lane, Sample};
use crate::pace::{Amount, Pace};
use crate::process::{family, memory};
use crate::receivers::Receivers;
use crate::report::{Goal, Section, Target, number};
use crate::run::{Run, token};
use crate::server::{Server, sends};
use crate::stats::{Histogram, Spread, ratios};
use crate::{Outcome, fail};

/// Readers of each transport.
const READERS: usize = 1_000;
/// Deliveries per second of the steady load.
const STEADY: f64 = 20_000.0;
/// Requests that wait at once.
const WAITING: usize = 10_000;
/// The same in a quick run.
const FEW_WAITING: usize = 500;
/// Messages that one waiting request after another is answered by.
const WAKE_UPS: usize = 300;
/// An idle backend of Postgres reports its statistics at most this late.
const STATISTICS_DELAY: Duration = Duration::from_secs(11);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the suite.
pub fn measure(run: &Run) -> Outcome<Section> {
    let mut section = Section::new("(h) Other transports");
    section.note(format!(
        "{} readers in one room by each transport, {} deliveries a second. CPU time is that of the server and the database. \
         Streams are read by server-sent events. A waiting request is `GET changes?wait=30`.",
        number(READERS as f64),
        number(STEADY)
    ));
    fan_out(run, &mut section)?;
    idle_streams(run, &mut section)?;
    wake_ups(run, &mut section)?;
    waiting(run, &mut section)?;
    Ok(section)
}

fn fan_out(run: &Run, section: &mut Section) -> Outcome<()> {
    let mut lanes = [Dialect::Parlance, Dialect::EventStream]
        .into_iter()
        .map(|dialect| Lane::parlance_by(run, &run.now, dialect, READERS, TEXT_LENGTH))
        .collect::<Outcome<Vec<_>>>()?;
    let mut samples: [Vec<Sample>; 2] = Default::default();
    for round in 1..=run.rounds {
        run.say(&format!("(h) fan-out by sockets and by streams, round {round}"));
        for (lane, samples) in lanes.iter_mut().zip(&mut samples) {
            lane.steady(run, STEADY / READERS as f64, run.warm_up)?;
            samples.push(lane.steady(run, STEADY / READERS as f64, run.window)?);
        }
    }
    let [sockets, streams] =
        samples.map(|samples| samples.iter().map(|it| it.cpu_micros).collect::<Vec<_>>());
    let ratio = Spread::of(ratios(&streams, &sockets));
    section.goal(Goal::new("CPU a delivery, server-sent events ÷ WebSocket", Target::AtMost(1.3), ratio));
    Ok(())
}

fn idle_streams(run: &Run, section: &mut Section) -> Outcome<()> {
    run.say("(h) idle streams");
    let rooms = run.create_rooms(&run.now, "streams", READERS / 50)?;
    let server = Server::parlance(run, &run.now)?;
    thread::sleep(run.window);
    let before = memory(server.pid())?.rss;
    let join = |number: usize| {
        let room = rooms[number % rooms.len()].clone();
        Join { token: Some(token(number)), rooms: vec![room], ..Join::default() }
    };
    let readers = Receivers::connect(server.addr, Dialect::EventStream, READERS, join)?;
    thread::sleep(run.window);
    let each = (memory(server.pid())?.rss - before) / readers.count() as f64;
    let what = "memory of an idle stream";
    section.goal(Goal::new(what, Target::AtMost(24.0), Spread::of([each])).with_unit(" KiB"));
    Ok(())
}

/// From the acknowledgement of a message until a request that waited for it is answered.
fn wake_ups(run: &Run, section: &mut Section) -> Outcome<()> {
    run.say("(h) waking up one that waits");
    let rooms = run.create_rooms(&run.now, "waiting", 1)?;
    let server = Server::parlance(run, &run.now)?;
    let mut sender = Clients::connect(server.addr, 1)?;
    let mut late = Histogram::default();
    let mut rev = 0;
    for _ in 0..WAKE_UPS {
        let mut waiting = Waiting::begin(server.addr, &rooms[0], rev)?;
        let answered = thread::spawn(move || waiting.rev().map(|rev| (rev, Instant::now())));
        // Long enough for the request to wait.
        thread::sleep(Duration::from_millis(5));
        sender.run(Pace::Closed, Amount::Count(1), sends(&rooms, TEXT_LENGTH))?;
        let acknowledged = Instant::now();
        let answer = answered.join().map_err(|_| fail("a waiting client panicked"))??;
        rev = answer.0;
        late.record(answer.1.saturating_duration_since(acknowledged));
    }
    let p50 = Spread::of([late.millis(0.5)]);
    section.goal(Goal::new("wake-up after the commit, p50", Target::AtMost(5.0), p50).with_unit(" ms"));
    Ok(())
}

fn waiting(run: &Run, section: &mut Section) -> Outcome<()> {
    let count = if run.rounds == 1 { FEW_WAITING } else { WAITING };
    run.say(&format!("(h) {count} requests that wait"));
    let rooms = run.create_rooms(&run.now, "crowd", 1)?;
    let server = Server::parlance(run, &run.now)?;
    let costs = || -> Outcome<[f64; 2]> {
        let threads = family(server.pid()).into_iter().map(threads_of).sum::<usize>() as f64;
        let [connections] = run
            .cluster
            .numbers("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")?;
        Ok([threads, connections])
    };
    let mut waiting = Vec::with_capacity(count);
    // The first ones, so that all threads and connections are there.
    let (first, rest) = (count / 10, count - count / 10);
    for _ in 0..first {
        waiting.push(Waiting::begin(server.addr, &rooms[0], 0)?);
    }
    thread::sleep(run.window);
    let before = costs()?;
    for _ in 0..rest {
        waiting.push(Waiting::begin(server.addr, &rooms[0], 0)?);
    }
    thread::sleep(run.window.max(STATISTICS_DELAY));
    let after = costs()?;
    let statements = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
    let [reads_before] = run.cluster.numbers(statements)?;
    let mut sender = Clients::connect(server.addr, 1)?;
    let started = Instant::now();
    sender.run(Pace::Closed, Amount::Count(1), sends(&rooms, TEXT_LENGTH))?;
    for waiting in &mut waiting {
        waiting.rev()?;
    }
    let seconds = started.elapsed().as_secs_f64();
    thread::sleep(STATISTICS_DELAY);
    let [reads_after] = run.cluster.numbers(statements)?;
    let more = |place: usize| Spread::of([after[place] - before[place]]);
    let requests = number(count as f64);
    section.goal(Goal::new(format!("threads for {requests} waiting requests"), Target::AtMost(0.0), more(0)));
    section.goal(Goal::new("database connections for them", Target::AtMost(0.0), more(1)));
    // The message, its read, and what runs once a second anyway.
    section.note(format!(
        "{requests} requests that waited for one message were answered within {seconds:.2} s, with {} transactions in {:.0} s, \
         of which three or four a second are the server's own.",
        number(reads_after - reads_before),
        STATISTICS_DELAY.as_secs_f64() + seconds,
    ));
    Ok(())
}

fn threads_of(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// A request that waits for changes.
struct Waiting {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Waiting {
    fn begin(addr: SocketAddr, room: &str, since: u64) -> Outcome<Self> {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut request = Vec::new();
        write_get(&mut request, &format!("/api/v1/rooms/{room}/changes?since={since}&wait=30"));
        stream.write_all(&request)?;
        Ok(Self { stream, answer: Vec::new() })
    }

    /// Waits for the answer. Returns its `rev`.
    fn rev(&mut self) -> Outcome<u64> {
        while whole_length(&self.answer).is_none_or(|length| self.answer.len() < length) {
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer)? {
                0 => return Err(fail("the server closed a waiting request")),
                read => self.answer.extend_from_slice(&buffer[..read]),
            }
        }
        let text = String::from_utf8_lossy(&self.answer);
        // The last `rev` in the text is that of the whole answer.
        let digits =
            text.rsplit_once(r#""rev":"#).map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit));
        let rev = digits.and_then(|digits| digits.collect::<String>().parse().ok());
        rev.ok_or_else(|| fail(format!("a waiting request was answered: {text}")))
    }
}

/// Opens a stream and subscribes, over the connection on which its events then come.
pub fn open(addr: SocketAddr, join: &Join) -> Outcome<(TcpStream, Vec<u8>)> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let bearer = join.token.as_ref().map(|token| format!("authorization: Bearer {token}\r\n"));
    let bearer = bearer.unwrap_or_default();
    let mut exchange = |path: &str, json: &str| -> Outcome<String> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\n{bearer}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{json}",
            json.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        while whole_length(&answer).is_none_or(|length| answer.len() < length) {
            let mut buffer = [0; 16 * 1024];
            match stream.read(&mut buffer)? {
                0 => return Err(fail("the server closed a stream during its opening")),
                read => answer.extend_from_slice(&buffer[..read]),
            }
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let opened = exchange("/api/v1/streams", "{}")?;
    let id = opened.split_once(r#"{"id":""#).and_then(|(_, rest)| rest.split('"').next());
    let id = id.ok_or_else(|| fail(format!("a stream was refused: {opened}")))?.to_owned();
    let subscribe = |room: &String| format!(r#"{{"type":"subscribe","room_id":"{room}"}}"#);
    let commands: Vec<String> = join.rooms.iter().map(subscribe).collect();
    exchange(&format!("/api/v1/streams/{id}/commands"), &format!("[{}]", commands.join(",")))?;
    let request = format!(
        "GET /api/v1/streams/{id}/events HTTP/1.1\r\nhost: bench\r\naccept: text/event-stream\r\n{bearer}\r\n"
    );
    stream.write_all(request.as_bytes())?;
    Ok((stream, Vec::new()))
}
