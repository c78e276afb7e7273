//! A database connection that breaks or hangs when the test wants it to, at the worst moment.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use crate::db::TestDb;
use crate::temp_dir::TempDir;

/// Stands between the server and its database.
#[derive(Debug)]
pub struct DbProxy {
    dir: TempDir,
    switches: Arc<Switches>,
}

/// What becomes of new connections after one broke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewConnections {
    /// They are made.
    #[default]
    Open,
    /// They are refused until [`DbProxy::open`].
    Refused,
    /// They wait for [`DbProxy::open`].
    Held,
}

#[derive(Debug, Default)]
struct Switches {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    new_connections: NewConnections,
    hangs: bool,
    tripwire: Option<Tripwire>,
    trips: usize,
}

/// Bytes on their way to the database, and what they set off.
#[derive(Clone, Debug)]
struct Tripwire {
    words: Vec<u8>,
    effect: Effect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Break(NewConnections),
    BreakEveryTime,
    Hang,
}

impl DbProxy {
    /// In front of the server of `db`.
    pub fn new(db: &TestDb) -> Self {
        let dir = TempDir::new();
        let listener = UnixListener::bind(dir.path().join(".s.PGSQL.5432")).expect("a short path");
        let switches = Arc::new(Switches::default());
        let server = db.socket();
        let shared = Arc::clone(&switches);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.admits() {
                    connect(client, &server, &shared);
                }
            }
        });
        Self { dir, switches }
    }

    /// Where libpq finds `db` through this.
    pub fn url(&self, db: &TestDb) -> String {
        let dir = self.dir.path().to_str().expect("UTF-8").replace('/', "%2F");
        format!("postgres://parlance@{dir}/{}", db.name())
    }

    /// The next time that `words` go to the database, they arrive, but nothing comes back and the connection breaks.
    pub fn break_at(&self, words: &str, then: NewConnections) {
        self.arm(words, Effect::Break(then));
    }

    /// The same, every time until [`DbProxy::disarm`].
    pub fn break_always_at(&self, words: &str) {
        self.arm(words, Effect::BreakEveryTime);
    }

    /// When `words` are on their way to the database, they stop, and the database hangs until [`DbProxy::go_on`].
    pub fn hang_at(&self, words: &str) {
        self.arm(words, Effect::Hang);
    }

    fn arm(&self, words: &str, effect: Effect) {
        let mut state = self.switches.lock();
        state.tripwire = Some(Tripwire { words: words.as_bytes().to_vec(), effect });
        state.trips = 0;
    }

    /// Takes the tripwire away.
    pub fn disarm(&self) {
        self.switches.lock().tripwire = None;
    }

    /// How often the tripwire that was laid last was touched.
    pub fn trips(&self) -> usize {
        self.switches.lock().trips
    }

    /// Nothing goes to the database any more, and so nothing comes back, until [`DbProxy::go_on`].
    pub fn hang(&self) {
        self.switches.lock().hangs = true;
    }

    /// What was held up goes on.
    pub fn go_on(&self) {
        self.switches.lock().hangs = false;
        self.switches.changed.notify_all();
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.switches.lock().new_connections = NewConnections::Open;
        self.switches.changed.notify_all();
    }
}

impl Switches {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// Whether a new connection is let through, sooner or later.
    fn admits(&self) -> bool {
        let is_held = |state: &mut State| state.new_connections == NewConnections::Held;
        let state = self.changed.wait_while(self.lock(), is_held).expect("no panic");
        state.new_connections == NewConnections::Open
    }

    /// Waits while the database hangs. Returns whether the connection breaks when it answers `bytes`.
    fn pass(&self, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        let touched = state.tripwire.clone().filter(|wire| contains(bytes, &wire.words));
        if let Some(wire) = &touched {
            state.trips += 1;
            match wire.effect {
                Effect::Break(then) => state.new_connections = then,
                Effect::BreakEveryTime => {}
                Effect::Hang => state.hangs = true,
            }
            if wire.effect != Effect::BreakEveryTime {
                state.tripwire = None;
            }
        }
        drop(self.changed.wait_while(state, |state| state.hangs).expect("no panic"));
        touched.is_some_and(|wire| wire.effect != Effect::Hang)
    }
}

fn connect(client: UnixStream, server: &Path, switches: &Arc<Switches>) {
    let Ok(server) = UnixStream::connect(server) else { return };
    let is_mute = Arc::new(AtomicBool::new(false));
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    let (switches, mute) = (Arc::clone(switches), Arc::clone(&is_mute));
    thread::spawn(move || {
        forward(&mut from_client, &mut to_server, |bytes| {
            if switches.pass(bytes) {
                mute.store(true, Ordering::SeqCst);
            }
            true
        });
    });
    let (mut from_server, mut to_client) = (server, client);
    thread::spawn(move || forward(&mut from_server, &mut to_client, |_| !is_mute.load(Ordering::SeqCst)));
}

/// Copies until an end closes or `goes_on` says no; then closes both.
fn forward(from: &mut UnixStream, to: &mut UnixStream, mut goes_on: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !goes_on(&buffer[..count]) || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

impl TestDb {
    /// The file of the Unix socket that Postgres listens on.
    fn socket(&self) -> PathBuf {
        let host = self.url().strip_prefix("postgres://parlance@").and_then(|rest| rest.split('/').next());
        PathBuf::from(host.expect("our URL").replace("%2F", "/")).join(".s.PGSQL.5432")
    }
}
