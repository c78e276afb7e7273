//! The thread that keeps Postgres running until it is told to stop.

use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::error::ClusterError;
use super::postmaster::{Launcher, Postmaster};
use super::{orphans, processes};

/// The pauses before the attempts of the first start. Restarts are attempted indefinitely.
const FIRST_START_PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1_500)];
/// The bounds of the pause between two attempts to restart.
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// After a run of this length the next restart is immediate again.
const STABLE_RUN: Duration = Duration::from_secs(10);
/// The signals that stop Postgres, and how long it may take to end after each.
const STOP_SIGNALS: [(Signal, Duration); 3] = [
    (Signal::SIGINT, Duration::from_secs(5)),
    (Signal::SIGQUIT, Duration::from_secs(3)),
    (Signal::SIGKILL, Duration::from_secs(4)),
];

/// A Postgres that is restarted whenever it ends.
#[derive(Debug)]
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts Postgres; returns when it accepts connections.
    pub(super) fn start(launcher: Launcher) -> Result<Self, ClusterError> {
        let shared = Arc::new(Shared::default());
        let postmaster = first_start(&shared, &launcher)?;
        let program = launcher.program.clone();
        let thread = thread::Builder::new().name("postgres".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                // Also on a panic: `stop` waits for this.
                let _finish = FinishOnDrop(&shared);
                supervise(&shared, &launcher, postmaster);
            }
        });
        match thread {
            Ok(thread) => Ok(Self { shared, thread: Some(thread) }),
            // The closure is dropped, and the postmaster with it.
            Err(reason) => Err(ClusterError::Program { program, reason }),
        }
    }

    /// Stops Postgres and waits until it has ended, but no longer than twelve seconds. Later calls do nothing.
    pub(super) fn stop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.begin_stop();
        for (signal, timeout) in STOP_SIGNALS {
            self.shared.signal(signal);
            if self.shared.wait_until_finished(timeout) {
                if thread.join().is_err() {
                    tracing::error!("the thread that supervises Postgres panicked");
                }
                return;
            }
            tracing::warn!(%signal, "Postgres has not ended after this signal");
        }
        tracing::error!("Postgres does not end; the next start will try to stop it");
    }
}

/// What the supervising thread and `Supervisor::stop` share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    finished: bool,
    /// The running Postgres. Unset before the process is reaped, so that no signal reaches a reused process id.
    running: Option<Pid>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopping(&self) -> bool {
        self.lock().stopping
    }

    fn begin_stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Signals the running Postgres, if there is one.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.lock().running {
            processes::send(signal, pid);
        }
    }

    /// Makes a new Postgres the one that `stop` signals. If the server stops already, it is signalled here.
    fn register(&self, pid: Pid) {
        let mut state = self.lock();
        state.running = Some(pid);
        if state.stopping {
            processes::send(STOP_SIGNALS[0].0, pid);
        }
    }

    /// Waits until Postgres has ended, and frees its process id.
    fn wait_until_ended(&self, postmaster: Postmaster) -> io::Result<ExitStatus> {
        postmaster.wait_until_ended();
        self.lock().running = None;
        postmaster.reap()
    }

    /// Waits for the pause or for `stop`, whichever comes first. Returns false if the server stops.
    fn pause(&self, pause: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), pause, |state| !state.stopping);
        !waited.unwrap_or_else(PoisonError::into_inner).0.stopping
    }

    /// Returns false when the supervising thread has not ended after the timeout.
    fn wait_until_finished(&self, timeout: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, |state| !state.finished);
        waited.unwrap_or_else(PoisonError::into_inner).0.finished
    }
}

struct FinishOnDrop<'a>(&'a Shared);

impl Drop for FinishOnDrop<'_> {
    fn drop(&mut self) {
        self.0.lock().finished = true;
        self.0.changed.notify_all();
    }
}

fn first_start(shared: &Shared, launcher: &Launcher) -> Result<Postmaster, ClusterError> {
    let [first_pause, later_pauses @ ..] = FIRST_START_PAUSES;
    thread::sleep(first_pause);
    let mut result = start(shared, launcher);
    for pause in later_pauses {
        if result.is_ok() {
            break;
        }
        thread::sleep(pause);
        result = start(shared, launcher);
    }
    result
}

/// One attempt to start Postgres. Returns when it accepts connections or has ended.
fn start(shared: &Shared, launcher: &Launcher) -> Result<Postmaster, ClusterError> {
    orphans::stop(&launcher.cluster, || shared.stopping());
    let log_size = launcher.log_size();
    let postmaster = launcher.spawn()?;
    shared.register(postmaster.pid());
    if launcher.wait_until_ready(&postmaster) {
        return Ok(postmaster);
    }
    if let Err(error) = shared.wait_until_ended(postmaster) {
        tracing::warn!(%error, "cannot tell how Postgres ended");
    }
    Err(ClusterError::Start { log: launcher.log.clone(), output: launcher.log_since(log_size) })
}

/// Restarts Postgres whenever it ends, until the server stops.
fn supervise(shared: &Shared, launcher: &Launcher, first: Postmaster) {
    let mut pause = Duration::ZERO;
    let mut running = Some(first);
    while let Some(postmaster) = running {
        let started = Instant::now();
        let status = shared.wait_until_ended(postmaster);
        if shared.stopping() {
            break;
        }
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::error!(%status, log = %launcher.log.display(), "Postgres ended unexpectedly; restarting it");
        if started.elapsed() > STABLE_RUN {
            pause = Duration::ZERO;
        }
        running = restart(shared, launcher, &mut pause);
    }
    // A postmaster that was killed leaves its backends behind.
    orphans::stop(&launcher.cluster, || false);
}

/// Tries until Postgres accepts connections; `None` when the server stops.
fn restart(shared: &Shared, launcher: &Launcher, pause: &mut Duration) -> Option<Postmaster> {
    while shared.pause(*pause) {
        *pause = (*pause * 2).clamp(MIN_PAUSE, MAX_PAUSE);
        match start(shared, launcher) {
            Ok(postmaster) => {
                tracing::info!("Postgres is running again");
                return Some(postmaster);
            }
            Err(_) if shared.stopping() => return None,
            Err(error) => tracing::error!(%error, "Postgres cannot be restarted"),
        }
    }
    None
}
