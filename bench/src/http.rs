//! HTTP/1.1 clients on one thread: many keep-alive connections, requests as bytes, latencies of the answers.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{self, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::pace::{Amount, Pace, Turn};
use crate::stats::Histogram;
use crate::{Outcome, fail};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest wait before the clock is read again.
const NAP: Duration = Duration::from_millis(100);

/// Connections that are kept from run to run.
pub struct Clients {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    /// Used in turn, so that none is idle until the server closes it.
    free: VecDeque<usize>,
    buffer: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    written: usize,
    answer: Vec<u8>,
    due: Instant,
}

/// The result of a run.
#[derive(Debug, Default)]
pub struct Answers {
    /// From the intended time of each request until its answer was read.
    pub latencies: Histogram,
    /// From the first send to the last answer.
    pub elapsed: Duration,
}

impl Answers {
    /// The number of answers.
    pub fn count(&self) -> u64 {
        self.latencies.count()
    }

    /// Answers per second.
    pub fn rate(&self) -> f64 {
        self.count() as f64 / self.elapsed.as_secs_f64()
    }
}

impl Clients {
    /// Opens `count` connections.
    pub fn connect(addr: SocketAddr, count: usize) -> Outcome<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(count);
        for number in 0..count {
            let stream = net::TcpStream::connect(addr)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
            let (request, answer) = (Vec::new(), Vec::new());
            connections.push(Connection { stream, request, written: 0, answer, due: Instant::now() });
        }
        let free = (0..count).collect();
        Ok(Self { poll, events: Events::with_capacity(1024), connections, free, buffer: vec![0; 64 * 1024] })
    }

    /// Sends the requests that `write` writes for a connection, at this pace and in this amount, and waits for all
    /// answers. An answer without success ends the run.
    pub fn run(
        &mut self,
        pace: Pace<'_>,
        amount: Amount,
        mut write: impl FnMut(usize, Instant, &mut Vec<u8>),
    ) -> Outcome<Answers> {
        let start = Instant::now();
        let mut answers = Answers::default();
        let mut sent = 0;
        loop {
            let mut nap = NAP;
            let mut is_over = false;
            while let Some(&number) = self.free.front() {
                match pace.turn(sent, start, Instant::now()) {
                    // A request that is due after the end is not sent, nor is one that the gate holds back until then.
                    Turn::Due(due) if !amount.covers(sent, start, due) => is_over = true,
                    Turn::Wait(wait) if !amount.covers(sent, start, Instant::now() + wait) => is_over = true,
                    Turn::Due(due) => {
                        self.free.pop_front();
                        let connection = &mut self.connections[number];
                        connection.request.clear();
                        connection.written = 0;
                        connection.due = due;
                        write(number, due, &mut connection.request);
                        connection.write()?;
                        sent += 1;
                        continue;
                    }
                    Turn::Wait(wait) => nap = wait.min(NAP),
                }
                break;
            }
            if is_over && self.free.len() == self.connections.len() {
                break;
            }
            self.poll.poll(&mut self.events, Some(nap)).or_else(ignore_interruption)?;
            for event in &self.events {
                let Token(number) = event.token();
                let connection = &mut self.connections[number];
                if event.is_writable() {
                    connection.write()?;
                }
                if event.is_readable() && connection.read(&mut self.buffer)? {
                    answers.latencies.record(connection.due.elapsed());
                    answers.elapsed = start.elapsed();
                    self.free.push_back(number);
                }
            }
            let is_late = |connection: &Connection| connection.due.elapsed() > PATIENCE;
            if self.events.is_empty() && self.free.len() < self.connections.len() {
                let late = (0..self.connections.len()).find(|number| !self.free.contains(number));
                if late.is_some_and(|number| is_late(&self.connections[number])) {
                    return Err(fail("an answer did not arrive"));
                }
            }
        }
        Ok(answers)
    }
}

impl Connection {
    fn write(&mut self) -> io::Result<()> {
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what has arrived. Returns whether the answer is complete.
    fn read(&mut self, buffer: &mut [u8]) -> Outcome<bool> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(fail("the server closed a connection")),
                Ok(count) => self.answer.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            let Some((status, length)) = answer_head(&self.answer) else { continue };
            if self.answer.len() >= length {
                if !(200..300).contains(&status) {
                    let answer = String::from_utf8_lossy(&self.answer);
                    return Err(fail(format!("a request was refused: {answer}")));
                }
                self.answer.clear();
                return Ok(true);
            }
        }
    }
}

/// The status of an answer and its whole length, once its head has arrived.
fn answer_head(bytes: &[u8]) -> Option<(u16, usize)> {
    let length = whole_length(bytes)?;
    let status = std::str::from_utf8(bytes.get(9..12)?).ok()?;
    Some((status.parse().ok()?, length))
}

/// The whole length of a request or an answer, once its head has arrived.
pub fn whole_length(bytes: &[u8]) -> Option<usize> {
    let head_length = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..head_length]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") { value.trim().parse::<usize>().ok() } else { None }
    });
    Some(head_length + length.unwrap_or(0))
}

/// A signal that interrupts a wait is no error.
pub fn ignore_interruption(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
}

/// Writes a POST of JSON.
pub fn write_post(bytes: &mut Vec<u8>, path: &str, token: &str, json: &str) {
    bytes.extend_from_slice(
        format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{json}",
            json.len()
        )
        .as_bytes(),
    );
}

/// Writes a GET.
pub fn write_get(bytes: &mut Vec<u8>, path: &str) {
    bytes.extend_from_slice(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes());
}

/// Sends a GET on a connection of its own.
pub fn get(addr: SocketAddr, path: &str) -> Outcome<(u16, Vec<u8>)> {
    let mut stream = net::TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n").as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let (status, length) = answer_head(&bytes).ok_or_else(|| fail("an answer has no head"))?;
    let head_length = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
    Ok((status, bytes[head_length..length.min(bytes.len())].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answers_length_is_read_from_its_head() {
        let head = b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(answer_head(&head[..20]), None);
        assert_eq!(answer_head(head), Some((201, head.len() + 3)));
        assert_eq!(answer_head(b"HTTP/1.1 204 No Content\r\n\r\n"), Some((204, 27)));
    }
}
