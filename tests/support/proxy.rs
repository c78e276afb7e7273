//! A database connection that breaks or hangs when the test wants it to, at the worst moment.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::db::TestDb;
use crate::temp_dir::TempDir;

/// Stands between the server and its database.
#[derive(Debug)]
pub struct DbProxy {
    dir: TempDir,
    switches: Arc<Switches>,
}

#[derive(Debug, Default)]
struct Switches {
    is_closed: AtomicBool,
    hangs: Mutex<bool>,
    goes_on: Condvar,
    /// What makes the connection break that it is sent on.
    tripwire: Mutex<Option<Tripwire>>,
}

#[derive(Clone, Debug)]
struct Tripwire {
    words: Vec<u8>,
    stays_closed: bool,
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
                if !shared.is_closed.load(Ordering::SeqCst) {
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
    /// With `stays_closed` there is no new one until [`DbProxy::open`].
    pub fn break_at(&self, words: &str, stays_closed: bool) {
        let tripwire = Tripwire { words: words.as_bytes().to_vec(), stays_closed };
        *self.switches.tripwire.lock().expect("no panic") = Some(tripwire);
    }

    /// Whether the tripwire is still there.
    pub fn is_armed(&self) -> bool {
        self.switches.tripwire.lock().expect("no panic").is_some()
    }

    /// Nothing goes to the database any more, and so nothing comes back, until [`DbProxy::go_on`].
    pub fn hang(&self) {
        *self.switches.hangs.lock().expect("no panic") = true;
    }

    /// What was held up goes on.
    pub fn go_on(&self) {
        *self.switches.hangs.lock().expect("no panic") = false;
        self.switches.goes_on.notify_all();
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.switches.is_closed.store(false, Ordering::SeqCst);
    }
}

fn connect(client: UnixStream, server: &Path, switches: &Arc<Switches>) {
    let Ok(server) = UnixStream::connect(server) else { return };
    let is_mute = Arc::new(AtomicBool::new(false));
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    let (switches, mute) = (Arc::clone(switches), Arc::clone(&is_mute));
    thread::spawn(move || {
        forward(&mut from_client, &mut to_server, |bytes| {
            let hangs = switches.hangs.lock().expect("no panic");
            drop(switches.goes_on.wait_while(hangs, |hangs| *hangs).expect("no panic"));
            let mut tripwire = switches.tripwire.lock().expect("no panic");
            if let Some(wire) = tripwire.take_if(|wire| contains(bytes, &wire.words)) {
                switches.is_closed.store(wire.stays_closed, Ordering::SeqCst);
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
