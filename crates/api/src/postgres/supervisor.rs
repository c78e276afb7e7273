//! The thread that keeps Postgres running until it is told to stop.

use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::ClusterError;
use super::postmaster::{Guard, Launch, Postmaster};
use super::survivors::signal;

/// The pauses before the attempts of the first start; a later one never gives up.
const FIRST_START_PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1_500)];
/// The longest pause between two attempts to start again.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// A run that lasted so long was a good one: the next restart is immediate again.
const GOOD_RUN: Duration = Duration::from_secs(10);
/// The guard's own patience and a little more; past it the guard is taken for dead.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

/// A Postgres that is kept alive.
#[derive(Debug)]
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    finished: bool,
    /// The process that runs now, and its guard.
    running: Option<(u32, Guard)>,
}

impl Supervisor {
    /// Starts Postgres; returns when it accepts connections.
    pub(super) fn start(launch: Launch) -> Result<Self, ClusterError> {
        let mut started = None;
        for pause in FIRST_START_PAUSES {
            thread::sleep(pause);
            started = Some(launch.start(|| false));
            if matches!(started, Some(Ok(_))) {
                break;
            }
        }
        let postmaster = started.expect("there is at least one attempt")?;
        let shared = Arc::new(Shared::default());
        let process = shared.adopt(postmaster);
        let program = launch.program.clone();
        let thread = thread::Builder::new().name("postgres".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || supervise(&shared, &launch, process)
        });
        match thread {
            Ok(thread) => Ok(Self { shared, thread: Some(thread) }),
            // Dropping `shared` closes the guard's pipe, so Postgres goes too.
            Err(reason) => Err(ClusterError::Program { program, reason }),
        }
    }

    /// Stops Postgres and waits until it is gone. Again does nothing.
    pub(super) fn stop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        let mut state = self.shared.lock();
        state.stopping = true;
        if let Some((_, guard)) = &mut state.running {
            guard.fire();
        }
        self.shared.changed.notify_all();
        loop {
            let (next, timeout) = self
                .shared
                .changed
                .wait_timeout_while(state, STOP_PATIENCE, |state| !state.finished)
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
            if !timeout.timed_out() {
                break;
            }
            if let Some((pid, _)) = &state.running {
                tracing::warn!(pid, "Postgres does not stop; stopping it at once");
                signal("QUIT", *pid);
            }
        }
        drop(state);
        if thread.join().is_err() {
            tracing::error!("the thread that supervises Postgres panicked");
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Makes a fresh Postgres the one that `stop` stops.
    fn adopt(&self, postmaster: Postmaster) -> Child {
        let Postmaster { process, mut guard } = postmaster;
        let mut state = self.lock();
        if state.stopping {
            guard.fire();
        }
        state.running = Some((process.id(), guard));
        process
    }

    /// Waits, but no longer than until it is time to stop. Says whether to go on.
    fn pause(&self, pause: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), pause, |state| !state.stopping);
        !waited.unwrap_or_else(PoisonError::into_inner).0.stopping
    }
}

fn supervise(shared: &Shared, launch: &Launch, mut process: Child) {
    let mut pause = Duration::ZERO;
    'runs: loop {
        let started = Instant::now();
        let status = process.wait();
        // Out of the lock: a guard that was fired looks once more whether the process is gone.
        let running = shared.lock().running.take();
        if let Some((_, guard)) = running {
            guard.dismiss();
        }
        if shared.stopping() {
            break;
        }
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::error!(%status, log = %launch.log.display(), "Postgres ended by itself; starting it again");
        if started.elapsed() > GOOD_RUN {
            pause = Duration::ZERO;
        }
        loop {
            if !shared.pause(pause) {
                break 'runs;
            }
            pause = (pause * 2).clamp(Duration::from_millis(100), MAX_PAUSE);
            match launch.start(|| shared.stopping()) {
                Ok(postmaster) => {
                    process = shared.adopt(postmaster);
                    tracing::info!("Postgres runs again");
                    break;
                }
                Err(error) => tracing::error!(%error, "Postgres could not be started again"),
            }
        }
    }
    shared.lock().finished = true;
    shared.changed.notify_all();
}
