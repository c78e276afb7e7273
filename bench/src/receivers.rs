//! Receivers: many sockets on one thread. Each checks that its messages are complete and in order, and measures their
//! latency from the time that the text carries.

use std::io::{self, Read, Write};
use std::net::{self, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::dialect::{Dialect, Join};
use crate::http::ignore_interruption;
use crate::opening::{self, Opened};
use crate::pace::{age, nanos_now};
use crate::stats::Histogram;
use crate::{Outcome, fail, frames};

const WAKER: Token = Token(usize::MAX);
/// After this long without a new message, no more is expected.
const SILENCE: Duration = Duration::from_secs(10);

/// A crowd of sockets. Dropping it closes them.
pub struct Receivers {
    commands: Sender<Command>,
    waker: Waker,
    /// How many messages every socket has received since `begin`.
    progress: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
    count: usize,
}

enum Command {
    Add(Vec<Opened>),
    Begin(Sender<()>),
    Finish { expected: u64, reply: Sender<Received> },
    Stop,
}

/// What the crowd received between `begin` and `finish`.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// The number of messages, over all sockets.
    pub deliveries: u64,
    /// From the intended time of sending until the message was read.
    pub latencies: Histogram,
    /// From `begin` to the last message.
    pub elapsed: Duration,
    /// Messages whose number did not follow the last one in their room.
    pub out_of_order: u64,
    /// Messages that did not arrive.
    pub missing: u64,
    /// Sockets that the server closed.
    pub closed: u64,
    /// The average payload of a frame, in bytes.
    pub frame_bytes: f64,
}

impl Received {
    /// Deliveries per second.
    pub fn rate(&self) -> f64 {
        self.deliveries as f64 / self.elapsed.as_secs_f64()
    }

    /// An error when a message was lost or a socket was closed. The order is not checked.
    pub fn complete(self) -> Outcome<Self> {
        if self.missing == 0 && self.closed == 0 {
            return Ok(self);
        }
        Err(fail(format!("{} messages did not arrive, {} sockets were closed", self.missing, self.closed)))
    }

    /// An error when a message was lost or out of order, or when a socket was closed.
    pub fn in_order(self) -> Outcome<Self> {
        match self.out_of_order {
            0 => self.complete(),
            count => Err(fail(format!("{count} messages arrived out of order"))),
        }
    }
}

impl Receivers {
    /// Opens `count` sockets; each joins what `join` returns for its number. Sockets that are open are read from while
    /// the next ones are opened: they answer pings and keep no other events waiting.
    pub fn connect(
        addr: SocketAddr,
        dialect: Dialect,
        count: usize,
        join: impl Fn(usize) -> Join,
    ) -> Outcome<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let progress = Arc::new(AtomicU64::new(0));
        let (commands, inbox) = channel();
        let crowd = Crowd {
            dialect,
            poll,
            sockets: Vec::with_capacity(count),
            inbox,
            progress: progress.clone(),
            reached: Vec::new(),
            received: Received::default(),
            payload_bytes: 0,
            began: Instant::now(),
            finish: None,
            text_at: 0,
        };
        let thread = thread::Builder::new().name("receivers".to_owned()).spawn(move || crowd.run())?;
        let receivers = Self { commands, waker, progress, thread: Some(thread), count };
        for batch in opening::batches(count) {
            receivers.tell(Command::Add(opening::open(addr, dialect, batch, &join)?))?;
        }
        Ok(receivers)
    }

    /// The number of sockets.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Starts counting.
    pub fn begin(&self) -> Outcome<()> {
        let (reply, answer) = channel();
        self.tell(Command::Begin(reply))?;
        Ok(answer.recv_timeout(SILENCE)?)
    }

    /// How many messages every socket has received since `begin`.
    pub fn progress_counter(&self) -> Arc<AtomicU64> {
        self.progress.clone()
    }

    /// Waits until every socket has received `expected` messages since `begin`, or until no more arrive.
    pub fn finish(&self, expected: u64) -> Outcome<Received> {
        let (reply, answer) = channel();
        self.tell(Command::Finish { expected, reply })?;
        Ok(answer.recv()?)
    }

    fn tell(&self, command: Command) -> Outcome<()> {
        self.commands.send(command).map_err(|_| fail("the receivers have ended"))?;
        Ok(self.waker.wake()?)
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        let _ = self.tell(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One socket.
struct Socket {
    stream: TcpStream,
    /// The beginning of an incomplete frame.
    rest: Vec<u8>,
    /// The number of messages since `begin`.
    count: u64,
    /// The last number in each of its rooms.
    last: Vec<(u64, u64)>,
}

impl Socket {
    /// `None` when it cannot be polled.
    fn register(opened: Opened, number: usize, poll: &Poll) -> Option<Self> {
        let mut stream = TcpStream::from_std(opened.stream);
        poll.registry().register(&mut stream, Token(number), Interest::READABLE).ok()?;
        Some(Self { stream, rest: opened.rest, count: 0, last: Vec::new() })
    }
}

/// The state of the receivers' thread.
struct Crowd {
    dialect: Dialect,
    poll: Poll,
    /// `None` where the server closed the socket.
    sockets: Vec<Option<Socket>>,
    inbox: Receiver<Command>,
    progress: Arc<AtomicU64>,
    /// How many sockets have received at least one message, at least two, and so on.
    reached: Vec<usize>,
    received: Received,
    payload_bytes: u64,
    began: Instant,
    finish: Option<(u64, Sender<Received>)>,
    text_at: usize,
}

impl Crowd {
    fn run(mut self) {
        let mut events = Events::with_capacity(4096);
        let mut buffer = vec![0; 256 * 1024];
        let mut heard = Instant::now();
        loop {
            let nap = self.finish.is_some().then_some(Duration::from_millis(20));
            let polled = self.poll.poll(&mut events, nap).or_else(ignore_interruption);
            if polled.is_err() {
                return;
            }
            let before = self.received.deliveries;
            for event in &events {
                match event.token() {
                    WAKER => {}
                    Token(number) => self.read(number, &mut buffer),
                }
            }
            if self.received.deliveries > before {
                heard = Instant::now();
                self.received.elapsed = self.began.elapsed();
            }
            while let Ok(command) = self.inbox.try_recv() {
                match command {
                    Command::Add(opened) => {
                        for socket in opened {
                            self.sockets.push(Socket::register(socket, self.sockets.len(), &self.poll));
                        }
                    }
                    Command::Begin(reply) => {
                        self.begin();
                        let _ = reply.send(());
                    }
                    Command::Finish { expected, reply } => {
                        heard = Instant::now();
                        self.finish = Some((expected, reply));
                    }
                    Command::Stop => return,
                }
            }
            let is_done = |expected: u64| self.progress.load(Ordering::Relaxed) >= expected;
            if let Some((expected, reply)) =
                self.finish.take_if(|(expected, _)| is_done(*expected) || heard.elapsed() > SILENCE)
            {
                // The asking thread may have ended.
                let _ = reply.send(self.result(expected));
            }
        }
    }

    fn begin(&mut self) {
        self.received = Received::default();
        self.payload_bytes = 0;
        self.reached.clear();
        self.progress.store(0, Ordering::Relaxed);
        self.began = Instant::now();
        for socket in self.sockets.iter_mut().flatten() {
            socket.count = 0;
        }
    }

    fn result(&mut self, expected: u64) -> Received {
        let mut received = std::mem::take(&mut self.received);
        let counts = self.sockets.iter().map(|socket| socket.as_ref().map_or(0, |socket| socket.count));
        received.missing = counts.map(|count| expected.saturating_sub(count)).sum();
        received.closed = self.sockets.iter().filter(|socket| socket.is_none()).count() as u64;
        received.frame_bytes = self.payload_bytes as f64 / received.deliveries as f64;
        received
    }

    /// Reads what has arrived. A read that does not fill the buffer has emptied the socket, so no second one is needed.
    fn read(&mut self, number: usize, buffer: &mut [u8]) {
        let Some(mut socket) = self.sockets[number].take() else { return };
        loop {
            let kept = socket.rest.len();
            buffer[..kept].copy_from_slice(&socket.rest);
            socket.rest.clear();
            let count = match socket.stream.read(&mut buffer[kept..]) {
                Ok(0) => return,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    socket.rest.extend_from_slice(&buffer[..kept]);
                    break;
                }
                Err(_) => return,
            };
            let bytes = &buffer[..kept + count];
            let now = nanos_now();
            let mut at = 0;
            while let Some((opcode, payload)) = self.dialect.first(&bytes[at..]) {
                let end = at + payload.end;
                let payload = &bytes[at + payload.start..end];
                at = end;
                match opcode {
                    frames::TEXT => self.count(&mut socket, payload, now),
                    frames::PING => answer(&mut socket, &frames::client(frames::PONG, payload)),
                    frames::CLOSE => return,
                    _ => {}
                }
            }
            socket.rest.extend_from_slice(&bytes[at..]);
            if kept + count < buffer.len() {
                break;
            }
        }
        self.sockets[number] = Some(socket);
    }

    fn count(&mut self, socket: &mut Socket, payload: &[u8], now: u64) {
        let Some(delivery) = self.dialect.delivery(payload, &mut self.text_at) else {
            if let Some(heartbeat_answer) = self.dialect.heartbeat_answer(payload) {
                answer(socket, &heartbeat_answer);
            }
            return;
        };
        match socket.last.iter_mut().find(|(room, _)| *room == delivery.room) {
            Some((_, last)) => {
                self.received.out_of_order += u64::from(delivery.number != *last + 1);
                *last = delivery.number.max(*last);
            }
            None => socket.last.push((delivery.room, delivery.number)),
        }
        if let Some(age) = age(delivery.text, now) {
            self.received.latencies.record(age);
        }
        self.received.deliveries += 1;
        self.payload_bytes += payload.len() as u64;
        let place = socket.count as usize;
        socket.count += 1;
        if self.reached.len() <= place {
            self.reached.resize(place + 1, 0);
        }
        self.reached[place] += 1;
        if self.reached[place] == self.sockets.len() {
            self.progress.store(socket.count, Ordering::Relaxed);
        }
    }
}

/// Answers are small and rare: the kernel refuses one only when the connection is broken.
fn answer(socket: &mut Socket, bytes: &[u8]) {
    let _ = socket.stream.write(bytes);
}

/// Opens sockets that join and then never read.
pub fn stall(addr: SocketAddr, count: usize, join: impl Fn(usize) -> Join) -> Outcome<Vec<net::TcpStream>> {
    let mut stalled = Vec::with_capacity(count);
    for batch in opening::batches(count) {
        let opened = opening::open(addr, Dialect::Parlance, batch, &join)?;
        stalled.extend(opened.into_iter().map(|opened| opened.stream));
    }
    Ok(stalled)
}
