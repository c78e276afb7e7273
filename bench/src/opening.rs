//! Opens sockets and has them join, some at a time: what is said to one is answered while the next are opened.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::dialect::{Dialect, Join};
use crate::{Outcome, fail, frames};

/// How many are opened at once: enough to keep a server busy, too few for its backlog.
const AT_ONCE: usize = 64;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A socket that has joined.
pub struct Opened {
    /// Its connection; reading and writing no longer wait.
    pub stream: TcpStream,
    /// What came after the last answer, not yet a whole frame.
    pub rest: Vec<u8>,
}

/// Opens `count` sockets, the first one first.
pub fn open_all(
    addr: SocketAddr,
    dialect: Dialect,
    count: usize,
    join: &dyn Fn(usize) -> Join,
) -> Outcome<Vec<Opened>> {
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let some = (count - all.len()).min(AT_ONCE);
        let mut opening = Vec::with_capacity(some);
        for number in all.len()..all.len() + some {
            let join = join(number);
            let mut stream = TcpStream::connect(addr)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(&dialect.handshake(&join))?;
            opening.push((Opened { stream, rest: Vec::new() }, dialect.conversation(&join)));
        }
        for (socket, _) in &mut opening {
            socket.expect_upgrade()?;
        }
        let steps = opening.first().map_or(0, |(_, conversation)| conversation.len());
        for step in 0..steps {
            for (socket, conversation) in &mut opening {
                socket.stream.write_all(&conversation[step].0)?;
            }
            for (socket, conversation) in &mut opening {
                let (_, answer, count) = conversation[step];
                socket.expect(answer, count)?;
            }
        }
        for (socket, _) in opening {
            socket.stream.set_nonblocking(true)?;
            all.push(socket);
        }
    }
    Ok(all)
}

impl Opened {
    fn read_more(&mut self) -> Outcome<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer)? {
            0 => Err(fail("the server closed a socket that was opening")),
            count => {
                self.rest.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }

    fn expect_upgrade(&mut self) -> Outcome<()> {
        let head_length = loop {
            if let Some(at) = self.rest.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more()?;
        };
        if !self.rest.starts_with(b"HTTP/1.1 101") {
            return Err(fail(format!("a socket was refused: {}", String::from_utf8_lossy(&self.rest))));
        }
        self.rest.drain(..head_length);
        Ok(())
    }

    /// Reads on until `count` texts came that begin with `start`.
    fn expect(&mut self, start: &str, count: usize) -> Outcome<()> {
        let mut missing = count;
        while missing > 0 {
            let Some((opcode, payload)) = frames::first(&self.rest) else {
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
