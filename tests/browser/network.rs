//! The wire between browsers and the server, to be cut, mended and held up.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

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
    /// A request that contains this waits.
    held: Option<String>,
    /// A request that contains this never arrives, and its connection ends.
    failing: Option<String>,
    /// The next request that contains this arrives, but its answer does not, and its connection ends.
    unanswered: Option<String>,
    connections: Vec<TcpStream>,
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the state")
    }

    /// What becomes of a request; waits while it is held up.
    fn fate(&self, request: &[u8]) -> Fate {
        let fits = |words: &Option<String>| {
            let words = words.as_ref().map(String::as_bytes);
            words.is_some_and(|words| request.windows(words.len()).any(|window| window == words))
        };
        let waited = self.changed.wait_while(self.state(), |state| fits(&state.held));
        let mut state = waited.expect("no thread panics while it holds the state");
        if fits(&state.failing) {
            Fate::Lost
        } else if fits(&state.unanswered) {
            state.unanswered = None;
            Fate::Unanswered
        } else {
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
            held: None,
            failing: None,
            unanswered: None,
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

    /// Holds up requests that contain these words until they are released.
    pub fn hold(&self, words: &str) {
        self.wire.state().held = Some(words.to_owned());
    }

    /// Lets go of what is held up.
    pub fn release(&self) {
        self.wire.state().held = None;
        self.wire.changed.notify_all();
    }

    /// Loses requests that contain these words, until [`Network::mend`].
    pub fn fail(&self, words: &str) {
        let mut state = self.wire.state();
        (state.failing, state.was_cut) = (Some(words.to_owned()), true);
    }

    /// Loses the answer to the next request that contains these words.
    pub fn lose_answer_to(&self, words: &str) {
        let mut state = self.wire.state();
        (state.unanswered, state.was_cut) = (Some(words.to_owned()), true);
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
    let is_mute = Arc::new(AtomicBool::new(false));
    let (wire, mute) = (Arc::clone(wire), Arc::clone(&is_mute));
    thread::spawn(move || {
        forward(from_browser, to_server, |bytes| match wire.fate(bytes) {
            Fate::Arrives => true,
            Fate::Unanswered => {
                mute.store(true, Ordering::SeqCst);
                true
            }
            Fate::Lost => false,
        });
    });
    thread::spawn(move || forward(server, browser, |_| !is_mute.load(Ordering::SeqCst)));
}

/// Copies until an end closes or `goes_on` says no; then closes both.
fn forward(mut from: TcpStream, mut to: TcpStream, goes_on: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !goes_on(&buffer[..count]) || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
