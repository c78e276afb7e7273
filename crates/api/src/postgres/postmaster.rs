//! One run of `postgres`, from its start until it is ready, and the guard that outlives us to stop it.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::account::Account;
use super::survivors::{self, PidFile};
use super::{ClusterError, last_lines};

/// What it takes to start the cluster, as often as it must be.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) account: Account,
    pub(super) cluster: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) log: PathBuf,
}

/// A Postgres that accepts connections.
#[derive(Debug)]
pub(super) struct Postmaster {
    pub(super) process: Child,
    pub(super) guard: Guard,
}

impl Launch {
    /// Starts Postgres and waits until it accepts connections; `cancelled` ends the wait and stops it again.
    pub(super) fn start(&self, cancelled: impl Fn() -> bool) -> Result<Postmaster, ClusterError> {
        survivors::clear(&self.cluster);
        let log_start = fs::metadata(&self.log).map_or(0, |metadata| metadata.len());
        let mut postmaster = self.spawn()?;
        if self.wait_until_ready(&mut postmaster, cancelled) {
            return Ok(postmaster);
        }
        postmaster.guard.dismiss();
        Err(ClusterError::Start { log: self.log.clone(), output: self.log_since(log_start) })
    }

    fn spawn(&self) -> Result<Postmaster, ClusterError> {
        let not_run = |reason| ClusterError::Program { program: self.program.clone(), reason };
        let mut log_options = OpenOptions::new();
        let log = log_options
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.log)
            .map_err(|reason| ClusterError::NotWritable { directory: self.log.clone(), reason })?;
        let mut guard = Guard::stand_by(&self.account).map_err(not_run)?;
        let mut command = self.account.command(&self.program);
        command.arg("-D").arg(&self.cluster);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        // The setting is a list: quotes keep a path with a comma or a blank in one piece.
        let socket_dir = self.socket_dir.to_string_lossy().replace('"', "\"\"");
        command.arg("-c").arg(format!("unix_socket_directories=\"{socket_dir}\""));
        let errors = log.try_clone().map_err(not_run)?;
        let mut process = command.stdout(log).stderr(errors).spawn().map_err(not_run)?;
        if let Err(error) = guard.watch(process.id()) {
            let _ = process.kill();
            let _ = process.wait();
            return Err(not_run(error));
        }
        Ok(Postmaster { process, guard })
    }

    /// False when it ended instead. Recovery after a crash may take its time: there is no limit while it lives.
    fn wait_until_ready(&self, postmaster: &mut Postmaster, cancelled: impl Fn() -> bool) -> bool {
        let pid_file = self.cluster.join("postmaster.pid");
        let pid = postmaster.process.id();
        let started = Instant::now();
        let mut told = started;
        loop {
            let state = fs::read_to_string(&pid_file).ok().and_then(|contents| PidFile::parse(&contents));
            if state == Some(PidFile { pid, ready: true }) {
                return true;
            }
            if !matches!(postmaster.process.try_wait(), Ok(None)) {
                return false;
            }
            if cancelled() {
                postmaster.guard.fire();
                let _ = postmaster.process.wait();
                return false;
            }
            if told.elapsed() > Duration::from_secs(5) {
                told = Instant::now();
                tracing::info!(seconds = started.elapsed().as_secs(), "waiting for Postgres to recover");
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn log_since(&self, start: u64) -> String {
        let mut text = Vec::new();
        let read = fs::File::open(&self.log).and_then(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            file.read_to_end(&mut text)
        });
        match read {
            Ok(_) => last_lines(&String::from_utf8_lossy(&text), 4),
            Err(error) => format!("(the log cannot be read: {error})"),
        }
    }
}

/// Small enough for a corner of a small machine, and nothing that would let an acknowledged message go.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "cluster_name=parlance",
    // Durable: these are the defaults, said here so that no file in the cluster can say otherwise.
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    // Small: a chat's working set is the newest page of each room.
    "max_connections=40",
    "shared_buffers=32MB",
    "max_wal_size=256MB",
    "min_wal_size=32MB",
    "wal_compression=on",
    "autovacuum_max_workers=1",
    "max_worker_processes=2",
    "max_parallel_workers_per_gather=0",
    "max_logical_replication_workers=0",
    "max_wal_senders=2",
    "jit=off",
    "huge_pages=off",
    // In the cluster's folder, where a crash leaves nothing that outlives it; containers have little /dev/shm besides.
    "dynamic_shared_memory_type=mmap",
    // The log is one file that we rotate; checkpoints are no news.
    "logging_collector=off",
    "log_destination=stderr",
    "log_checkpoints=off",
    "log_timezone=UTC",
    "timezone=UTC",
];

/// A shell that waits on a pipe from us. When the pipe closes, because we want it or because we are dead, it stops the
/// process it watches: fast first, at once after five seconds.
#[derive(Debug)]
pub(super) struct Guard {
    shell: Child,
    pipe: Option<ChildStdin>,
}

/// The first line is the process to watch, a second one means that it ended by itself.
const GUARD_SCRIPT: &str = r#"
read -r pid || exit 0
read -r over && exit 0
kill -INT "$pid" || exit 0
tenths=0
while kill -0 "$pid" && [ "$tenths" -lt 200 ]; do
    [ "$tenths" -eq 50 ] && kill -QUIT "$pid"
    sleep 0.1
    tenths=$((tenths + 1))
done
"#;

impl Guard {
    /// A guard with nothing to watch yet: it stands before the process starts, so that there is no moment without.
    pub(super) fn stand_by(account: &Account) -> io::Result<Self> {
        let mut shell = account
            .command("sh")
            .args(["-c", GUARD_SCRIPT])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Tells it which process is meant.
    pub(super) fn watch(&mut self, pid: u32) -> io::Result<()> {
        self.pipe.as_mut().map_or(Ok(()), |pipe| writeln!(pipe, "{pid}"))
    }

    /// Lets it stop the process.
    pub(super) fn fire(&mut self) {
        self.pipe = None;
    }

    /// The process is gone: sends the guard home. After `fire` it finds that out by itself.
    pub(super) fn dismiss(mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            // A guard that was killed has no ear for it.
            let _ = writeln!(pipe, "over");
        }
        let _ = self.shell.wait();
    }
}
