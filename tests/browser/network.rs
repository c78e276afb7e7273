//! The wire between browsers and the server, to be cut, mended and held up.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

/// How a request for a WebSocket begins.
const UPGRADE: &[u8] = b"GET /api/v1/ws ";
/// What a proxy answers to it.
const REFUSAL: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// What the head of a response with server-sent events contains.
const EVENT_STREAM: &[u8] = b"content-type: text/event-stream";

/// A TCP proxy in front of the server. Its address stays when the server's changes.
#[derive(Debug)]
pub struct Network {
    addr: SocketAddr,
    wire: Arc<Wire>,
}

/// What becomes of a request.
enum Fate {
    Arrives,
    Unanswered,
    Answered(String),
    Swallowed,
    Lost,
}

#[derive(Debug)]
struct Wire {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    server: SocketAddr,
    is_cut: bool,
    was_cut: bool,
    /// A request that contains one of these waits.
    held: Vec<String>,
    /// A request that contains this never arrives, and its connection ends.
    failing: Option<String>,
    /// The next request that contains this arrives, but its answer does not, and its connection ends.
    unanswered: Option<String>,
    /// The next request that contains this is never answered, and its connection stays.
    swallowed: Option<String>,
    /// The next request that contains this does not arrive, but gets this answer.
    answered: Vec<(String, String)>,
    /// Whether no WebSocket comes through, as behind some proxies.
    refuses_web_sockets: bool,
    /// Whether server-sent events are held up until the response ends, as by some proxies.
    collects_events: bool,
    /// The beginnings of the requests that arrived.
    arrived: Vec<String>,
    connections: Vec<TcpStream>,
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the state")
    }

    /// What becomes of a request; waits while it is held up.
    fn fate(&self, request: &[u8]) -> Fate {
        let contains = |words: &String| {
            let words = words.as_bytes();
            request.windows(words.len()).any(|window| window == words)
        };
        let fits = |words: &Option<String>| words.as_ref().is_some_and(contains);
        let waited = self.changed.wait_while(self.state(), |state| state.held.iter().any(contains));
        let mut state = waited.expect("no thread panics while it holds the state");
        if state.refuses_web_sockets && request.starts_with(UPGRADE) {
            return Fate::Answered(REFUSAL.to_owned());
        }
        if let Some(place) = state.answered.iter().position(|(words, _)| contains(words)) {
            return Fate::Answered(state.answered.remove(place).1);
        }
        if fits(&state.failing) {
            Fate::Lost
        } else if fits(&state.unanswered) {
            state.unanswered = None;
            Fate::Unanswered
        } else if fits(&state.swallowed) {
            state.swallowed = None;
            Fate::Swallowed
        } else {
            let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
            state.arrived.push(String::from_utf8_lossy(line).into_owned());
            Fate::Arrives
        }
    }
}

impl Network {
    /// In front of the server at this address.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let state = State {
            server,
            is_cut: false,
            was_cut: false,
            held: Vec::new(),
            failing: None,
            unanswered: None,
            swallowed: None,
            answered: Vec::new(),
            refuses_web_sockets: false,
            collects_events: false,
            arrived: Vec::new(),
            connections: Vec::new(),
        };
        let wire = Arc::new(Wire { state: Mutex::new(state), changed: Condvar::new() });
        let shared = Arc::clone(&wire);
        thread::spawn(move || {
            for browser in listener.incoming().flatten() {
                connect(browser, &shared);
            }
        });
        Self { addr, wire }
    }

    /// Where browsers find the server.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends every connection, and each new one at once, until it is mended.
    pub fn cut(&self) {
        let mut state = self.wire.state();
        (state.is_cut, state.was_cut) = (true, true);
        for connection in state.connections.drain(..) {
            // One that has ended by itself is as good.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        let mut state = self.wire.state();
        (state.is_cut, state.failing) = (false, None);
    }

    /// Whether anybody has reason to complain about lost connections.
    pub fn was_cut(&self) -> bool {
        self.wire.state().was_cut
    }

    /// The server is to be found elsewhere from now on.
    pub fn lead_to(&self, server: SocketAddr) {
        let mut state = self.wire.state();
        (state.server, state.was_cut) = (server, true);
    }

    /// How many requests that begin with these words have arrived and were not tampered with.
    pub fn arrived(&self, words: &str) -> usize {
        self.wire.state().arrived.iter().filter(|line| line.starts_with(words)).count()
    }

    /// Holds up requests that contain these words until everything is released.
    pub fn hold(&self, words: &str) {
        self.wire.state().held.push(words.to_owned());
    }

    /// Lets go of what is held up.
    pub fn release(&self) {
        self.wire.state().held.clear();
        self.wire.changed.notify_all();
    }

    /// Loses requests that contain these words, until [`Network::mend`].
    pub fn fail(&self, words: &str) {
        let mut state = self.wire.state();
        (state.failing, state.was_cut) = (Some(words.to_owned()), true);
    }

    /// Lets no new WebSocket through, as some proxies do, or lets them through again.
    pub fn refuse_web_sockets(&self, refuses: bool) {
        let mut state = self.wire.state();
        (state.refuses_web_sockets, state.was_cut) = (refuses, true);
    }

    /// Collects server-sent events until their response ends, as some proxies do.
    pub fn collect_events(&self) {
        let mut state = self.wire.state();
        (state.collects_events, state.was_cut) = (true, true);
    }

    /// Loses the answer to the next request that contains these words.
    pub fn lose_answer_to(&self, words: &str) {
        let mut state = self.wire.state();
        (state.unanswered, state.was_cut) = (Some(words.to_owned()), true);
    }

    /// Lets the next request that contains these words hang for ever.
    pub fn swallow(&self, words: &str) {
        let mut state = self.wire.state();
        (state.swallowed, state.was_cut) = (Some(words.to_owned()), true);
    }

    /// Gives the server's answer to the next request that contains these words: a problem with this status and code.
    pub fn answer(&self, words: &str, status: u16, code: &str, detail: &str) {
        let body = format!(
            r#"{{"type":"/docs/problems#{code}","title":"","status":{status},"detail":"{detail}","code":"{code}","request_id":"1"}}"#
        );
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} Refused\r\nContent-Type: application/problem+json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
        let mut state = self.wire.state();
        state.answered.push((words.to_owned(), answer));
        state.was_cut = true;
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.release();
        self.cut();
    }
}

fn connect(browser: TcpStream, wire: &Arc<Wire>) {
    let server = {
        let mut state = wire.state();
        if state.is_cut {
            return;
        }
        let Ok(server) = TcpStream::connect(state.server) else { return };
        state.connections.extend([browser.try_clone(), server.try_clone()].into_iter().flatten());
        server
    };
    let (Ok(from_browser), Ok(to_server)) = (browser.try_clone(), server.try_clone()) else { return };
    let Ok(mut to_browser) = browser.try_clone() else { return };
    let is_mute = Arc::new(AtomicBool::new(false));
    let (wire, mute) = (Arc::clone(wire), Arc::clone(&is_mute));
    let answers = Arc::clone(&wire);
    thread::spawn(move || {
        let mut is_swallowing = false;
        forward(from_browser, to_server, |bytes| {
            if is_swallowing {
                return Step::Skip;
            }
            match wire.fate(bytes) {
                Fate::Arrives => Step::Pass,
                Fate::Unanswered => {
                    mute.store(true, Ordering::SeqCst);
                    Step::Pass
                }
                Fate::Answered(answer) => {
                    is_swallowing = true;
                    // A browser that has gone needs no answer.
                    let _ = to_browser.write_all(answer.as_bytes());
                    Step::Skip
                }
                Fate::Swallowed => {
                    is_swallowing = true;
                    Step::Skip
                }
                Fate::Lost => Step::End,
            }
        });
    });
    thread::spawn(move || {
        let mut is_collecting = false;
        forward(server, browser, |bytes| {
            is_collecting |= answers.state().collects_events
                && bytes.windows(EVENT_STREAM.len()).any(|window| window == EVENT_STREAM);
            match is_mute.load(Ordering::SeqCst) {
                true => Step::End,
                false if is_collecting => Step::Collect,
                false => Step::Pass,
            }
        });
    });
}

/// What to do with some bytes.
enum Step {
    Pass,
    Skip,
    /// Hands it on at the end.
    Collect,
    End,
}

/// Copies until an end closes or `step` says so; then closes both.
fn forward(mut from: TcpStream, mut to: TcpStream, mut step: impl FnMut(&[u8]) -> Step) {
    let mut buffer = [0; 64 * 1024];
    let mut collected = Vec::new();
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        match step(&buffer[..count]) {
            Step::Pass if to.write_all(&buffer[..count]).is_ok() => {}
            Step::Skip => {}
            Step::Collect => collected.extend_from_slice(&buffer[..count]),
            Step::Pass | Step::End => break,
        }
    }
    // An end that has gone needs nothing.
    let _ = to.write_all(&collected);
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
