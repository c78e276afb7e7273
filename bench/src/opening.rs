//! Opens sockets and joins their rooms, a batch at a time: the server works on one socket while the next is opened.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use crate::dialect::{Dialect, Join};
use crate::{Outcome, fail, frames, transports};

/// How many sockets are opened at once: enough to keep a server busy, too few to fill its backlog.
const BATCH: usize = 64;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A socket that has joined.
pub struct Opened {
    /// Its connection, no longer blocking.
    pub stream: TcpStream,
    /// The bytes after the last answer.
    pub rest: Vec<u8>,
}

/// The numbers of `count` sockets in batches for [`open`].
pub fn batches(count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(BATCH).map(move |first| first..count.min(first + BATCH))
}

/// Opens a batch of sockets; each joins what `join` returns for its number.
pub fn open(
    addr: SocketAddr,
    dialect: Dialect,
    batch: Range<usize>,
    join: impl Fn(usize) -> Join,
) -> Outcome<Vec<Opened>> {
    if dialect == Dialect::EventStream {
        return batch.map(|number| open_stream(addr, &join(number))).collect();
    }
    let mut opening = Vec::with_capacity(batch.len());
    for number in batch {
        let join = join(number);
        let mut stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&dialect.handshake(&join))?;
        opening.push((Opened { stream, rest: Vec::new() }, dialect.conversation(&join)));
    }
    for (socket, _) in &mut opening {
        socket.expect_head("HTTP/1.1 101")?;
    }
    let steps = opening.first().map_or(0, |(_, conversation)| conversation.len());
    for step in 0..steps {
        for (socket, conversation) in &mut opening {
            socket.stream.write_all(&conversation[step].0)?;
        }
        for (socket, conversation) in &mut opening {
            let (_, answer, count) = conversation[step];
            socket.expect(dialect, answer, count)?;
        }
    }
    let ready = |(socket, _): (Opened, _)| {
        socket.stream.set_nonblocking(true)?;
        Ok(socket)
    };
    opening.into_iter().map(ready).collect()
}

/// Opens a stream of events, and waits until it has joined.
fn open_stream(addr: SocketAddr, join: &Join) -> Outcome<Opened> {
    let (stream, rest) = transports::open(addr, join)?;
    let mut opened = Opened { stream, rest };
    opened.expect_head("HTTP/1.1 200")?;
    opened.expect(Dialect::EventStream, r#"{"type":"subscribed""#, join.rooms.len())?;
    opened.stream.set_nonblocking(true)?;
    Ok(opened)
}

impl Opened {
    fn read_more(&mut self) -> Outcome<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer)? {
            0 => Err(fail("the server closed a socket during its opening")),
            count => {
                self.rest.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }

    fn expect_head(&mut self, start: &str) -> Outcome<()> {
        let head_length = loop {
            if let Some(at) = self.rest.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more()?;
        };
        if !self.rest.starts_with(start.as_bytes()) {
            return Err(fail(format!("a socket was refused: {}", String::from_utf8_lossy(&self.rest))));
        }
        self.rest.drain(..head_length);
        Ok(())
    }

    /// Lets [`Opened::expect`] wait.
    pub fn wait_for_answers(&self) -> Outcome<()> {
        self.stream.set_nonblocking(false)?;
        Ok(self.stream.set_read_timeout(Some(PATIENCE))?)
    }

    /// Reads until `count` texts have arrived that begin with `start`.
    pub fn expect(&mut self, dialect: Dialect, start: &str, count: usize) -> Outcome<()> {
        let mut missing = count;
        while missing > 0 {
            let Some((opcode, payload)) = dialect.first(&self.rest) else {
                self.read_more()?;
                continue;
            };
            let text = &self.rest[payload.clone()];
            if opcode == frames::CLOSE || text.starts_with(br#"{"type":"error""#) {
                return Err(fail(format!("a socket could not join: {}", String::from_utf8_lossy(text))));
            }
            missing -= usize::from(text.starts_with(start.as_bytes()));
            self.rest.drain(..payload.end);
        }
        Ok(())
    }
}
