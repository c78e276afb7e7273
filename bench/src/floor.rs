//! The floor of fan-out: a bare epoll loop that reads frames from one publisher and writes them to every socket. It has
//! no storage, no rooms and no checks, so no server with one write per frame can cost much less.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::http::ignore_interruption;
use crate::{Outcome, frames};

/// How a publisher begins, for one write per frame. All other clients open a WebSocket.
pub const PUBLISH: &[u8] = b"PUBLISH\r\n\r\n";
/// The same, for one write of all frames that have arrived.
pub const PUBLISH_COALESCED: &[u8] = b"PUBLISH COALESCED\r\n\r\n";

/// How many bytes may wait for a reader before the publisher has to wait for it.
const MAX_BEHIND: usize = 1024 * 1024;
const LISTENER: Token = Token(usize::MAX);

struct Peer {
    stream: TcpStream,
    /// The bytes of its first request so far.
    request: Vec<u8>,
    is_open: bool,
    /// The bytes that the kernel has not accepted yet.
    behind: Vec<u8>,
}

struct Floor {
    poll: Poll,
    peers: Vec<Option<Peer>>,
    publisher: Option<usize>,
    /// The bytes from the publisher that are not yet a complete frame.
    pending: Vec<u8>,
    buffer: Vec<u8>,
    coalesces: bool,
    /// Whether a reader is too far behind to go on.
    holds_back: bool,
}

/// Serves until the process is killed.
pub fn serve() -> Outcome<()> {
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    println!("{}", listener.local_addr()?);
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut floor = Floor {
        poll,
        peers: Vec::new(),
        publisher: None,
        pending: Vec::new(),
        buffer: vec![0; 256 * 1024],
        coalesces: false,
        holds_back: false,
    };
    let mut events = Events::with_capacity(1024);
    loop {
        floor.poll.poll(&mut events, None).or_else(ignore_interruption)?;
        for event in &events {
            match event.token() {
                LISTENER => floor.accept(&listener)?,
                Token(number) if Some(number) == floor.publisher => floor.publish(),
                Token(number) => {
                    if event.is_writable() {
                        floor.catch_up(number);
                    }
                    if event.is_readable() {
                        floor.read(number);
                    }
                }
            }
        }
    }
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nodelay(true)?;
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    self.poll.registry().register(&mut stream, Token(self.peers.len()), interest)?;
                    let (request, behind) = (Vec::new(), Vec::new());
                    self.peers.push(Some(Peer { stream, request, is_open: false, behind }));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Answers a handshake. What a reader sends after it is ignored.
    fn read(&mut self, number: usize) {
        let Some(peer) = &mut self.peers[number] else { return };
        loop {
            match peer.stream.read(&mut self.buffer) {
                Ok(count @ 1..) if !peer.is_open => peer.request.extend_from_slice(&self.buffer[..count]),
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(0) | Err(_) => {
                    self.peers[number] = None;
                    return;
                }
            }
        }
        if !peer.is_open && peer.request.windows(4).any(|window| window == b"\r\n\r\n") {
            peer.is_open = true;
            if [PUBLISH, PUBLISH_COALESCED].contains(&peer.request.as_slice()) {
                self.coalesces = peer.request == PUBLISH_COALESCED;
                self.publisher = Some(number);
                self.publish();
            } else {
                const ANSWER: &[u8] =
                    b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
                peer.write(ANSWER);
            }
        }
    }

    /// Reads frames from the publisher and writes them to all readers, unless one of them is too far behind.
    fn publish(&mut self) {
        while let Some(number) = self.publisher.filter(|_| !self.holds_back) {
            let Some(publisher) = &mut self.peers[number] else { return };
            match publisher.stream.read(&mut self.buffer) {
                Ok(count @ 1..) => self.pending.extend_from_slice(&self.buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => {
                    self.peers[number] = None;
                    self.publisher = None;
                    return;
                }
            }
            let mut at = 0;
            while let Some((_, payload)) = frames::first(&self.pending[at..]) {
                let end = at + payload.end;
                if !self.coalesces {
                    broadcast(&mut self.peers, number, &self.pending[at..end]);
                }
                at = end;
            }
            if self.coalesces && at > 0 {
                broadcast(&mut self.peers, number, &self.pending[..at]);
            }
            self.pending.drain(..at);
            self.holds_back = self.peers.iter().flatten().any(|peer| peer.behind.len() > MAX_BEHIND);
        }
    }

    fn catch_up(&mut self, number: usize) {
        let Some(peer) = &mut self.peers[number] else { return };
        if peer.behind.is_empty() {
            return;
        }
        let behind = std::mem::take(&mut peer.behind);
        peer.write(&behind);
        if self.holds_back && !self.peers.iter().flatten().any(|peer| peer.behind.len() > MAX_BEHIND) {
            self.holds_back = false;
            self.publish();
        }
    }
}

fn broadcast(peers: &mut [Option<Peer>], publisher: usize, bytes: &[u8]) {
    for (number, peer) in peers.iter_mut().enumerate() {
        if let Some(peer) = peer
            && peer.is_open
            && number != publisher
        {
            peer.write(bytes);
        }
    }
}

impl Peer {
    /// Writes what the kernel accepts; the rest waits. A broken connection is noticed by the next read.
    fn write(&mut self, mut bytes: &[u8]) {
        while self.behind.is_empty() && !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return,
            }
        }
        self.behind.extend_from_slice(bytes);
    }
}
