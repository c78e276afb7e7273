//! A proxy between the server and its database, which breaks or stalls connections at a chosen statement.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use crate::db::TestDb;
use crate::temp_dir::TempDir;

/// A proxy between the server and its database.
#[derive(Debug)]
pub struct DbProxy {
    dir: TempDir,
    switches: Arc<Switches>,
}

/// What happens to new connections after one was broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewConnections {
    /// They are forwarded.
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
    trigger: Option<Trigger>,
    matches: usize,
}

/// Bytes to the database that cause an effect.
#[derive(Clone, Debug)]
struct Trigger {
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
    /// A proxy in front of the Postgres of `db`.
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

    /// The URL of `db` through the proxy, for libpq.
    pub fn url(&self, db: &TestDb) -> String {
        let dir = self.dir.path().to_str().expect("UTF-8").replace('/', "%2F");
        format!("postgres://parlance@{dir}/{}", db.name())
    }

    /// The next time that `words` are sent to the database, they arrive, but the connection breaks before the answer.
    pub fn break_at(&self, words: &str, then: NewConnections) {
        self.arm(words, Effect::Break(then));
    }

    /// The same, every time until [`DbProxy::disarm`].
    pub fn break_always_at(&self, words: &str) {
        self.arm(words, Effect::BreakEveryTime);
    }

    /// The next time that `words` are sent to the database, all traffic to it stalls until [`DbProxy::release`].
    pub fn hang_at(&self, words: &str) {
        self.arm(words, Effect::Hang);
    }

    fn arm(&self, words: &str, effect: Effect) {
        let mut state = self.switches.lock();
        state.trigger = Some(Trigger { words: words.as_bytes().to_vec(), effect });
        state.matches = 0;
    }

    /// Removes the trigger.
    pub fn disarm(&self) {
        self.switches.lock().trigger = None;
    }

    /// How often the latest trigger matched.
    pub fn matches(&self) -> usize {
        self.switches.lock().matches
    }

    /// Stalls all traffic to the database until [`DbProxy::release`].
    pub fn hang(&self) {
        self.switches.lock().hangs = true;
    }

    /// Continues stalled traffic.
    pub fn release(&self) {
        self.switches.lock().hangs = false;
        self.switches.changed.notify_all();
    }

    /// Forwards new connections again.
    pub fn open(&self) {
        self.switches.lock().new_connections = NewConnections::Open;
        self.switches.changed.notify_all();
    }
}

impl Switches {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    /// Waits while new connections are held. Returns whether to forward the connection.
    fn admits(&self) -> bool {
        let is_held = |state: &mut State| state.new_connections == NewConnections::Held;
        let state = self.changed.wait_while(self.lock(), is_held).expect("no panic");
        state.new_connections == NewConnections::Open
    }

    /// Waits while traffic is stalled. Returns whether to break the connection before the answer to `bytes`.
    fn pass(&self, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        let matched = state.trigger.clone().filter(|trigger| contains(bytes, &trigger.words));
        if let Some(trigger) = &matched {
            state.matches += 1;
            match trigger.effect {
                Effect::Break(then) => state.new_connections = then,
                Effect::BreakEveryTime => {}
                Effect::Hang => state.hangs = true,
            }
            if trigger.effect != Effect::BreakEveryTime {
                state.trigger = None;
            }
        }
        drop(self.changed.wait_while(state, |state| state.hangs).expect("no panic"));
        matched.is_some_and(|trigger| trigger.effect != Effect::Hang)
    }
}

fn connect(client: UnixStream, server: &Path, switches: &Arc<Switches>) {
    let Ok(server) = UnixStream::connect(server) else { return };
    let is_broken = Arc::new(AtomicBool::new(false));
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    let (switches, broken) = (Arc::clone(switches), Arc::clone(&is_broken));
    thread::spawn(move || {
        forward(&mut from_client, &mut to_server, |bytes| {
            if switches.pass(bytes) {
                broken.store(true, Ordering::SeqCst);
            }
            true
        });
    });
    let (mut from_server, mut to_client) = (server, client);
    thread::spawn(move || forward(&mut from_server, &mut to_client, |_| !is_broken.load(Ordering::SeqCst)));
}

/// Copies until one side closes or `may_continue` returns false; then closes both.
fn forward(from: &mut UnixStream, to: &mut UnixStream, mut may_continue: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !may_continue(&buffer[..count]) || to.write_all(&buffer[..count]).is_err() {
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
