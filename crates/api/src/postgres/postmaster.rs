//! One run of `postgres`, from its start to its end.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::account::Account;
use super::error::{ClusterError, last_lines};
use super::orphans::PidFile;
use super::processes;
use super::watchdog::Watchdog;

const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How often a long recovery is reported.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// What is needed to start Postgres.
#[derive(Debug)]
pub(super) struct Launcher {
    pub(super) program: PathBuf,
    pub(super) account: Account,
    pub(super) cluster: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) log: PathBuf,
}

impl Launcher {
    /// Starts Postgres, watched by a watchdog, and returns at once.
    pub(super) fn spawn(&self) -> Result<Postmaster, ClusterError> {
        let program_error = |reason| ClusterError::Program { program: self.program.clone(), reason };
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.log)
            .map_err(|reason| ClusterError::NotWritable { directory: self.log.clone(), reason })?;
        let errors = log.try_clone().map_err(program_error)?;
        let mut watchdog = Watchdog::spawn(&self.account).map_err(program_error)?;
        let mut command = self.account.command(&self.program);
        command.arg("-D").arg(&self.cluster);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.arg("-c").arg(socket_setting(&self.socket_dir));
        let mut process = command.stdout(log).stderr(errors).spawn().map_err(program_error)?;
        let pid = pid_of(&process);
        if let Err(error) = watchdog.arm(pid) {
            let _ = process.kill();
            let _ = process.wait();
            return Err(program_error(error));
        }
        Ok(Postmaster { pid, process, watchdog })
    }

    /// Waits until Postgres accepts connections; false if it ended instead. There is no timeout, because recovery after
    /// a crash may take long.
    pub(super) fn wait_until_ready(&self, postmaster: &Postmaster) -> bool {
        let ready = PidFile { pid: postmaster.pid, ready: true };
        let started = Instant::now();
        let mut last_report = started;
        loop {
            if PidFile::read(&self.cluster) == Some(ready) {
                return true;
            }
            if processes::has_ended(postmaster.pid) {
                return false;
            }
            if last_report.elapsed() > REPORT_INTERVAL {
                last_report = Instant::now();
                tracing::info!(seconds = started.elapsed().as_secs(), "waiting for Postgres to recover");
            }
            thread::sleep(POLL_INTERVAL);
        }
    }

    /// The size of the log, to be given to [`Self::log_since`].
    pub(super) fn log_size(&self) -> u64 {
        fs::metadata(&self.log).map_or(0, |metadata| metadata.len())
    }

    /// The last lines of the log after a position.
    pub(super) fn log_since(&self, start: u64) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.log).and_then(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            file.read_to_end(&mut text)
        });
        match read {
            Ok(_) => last_lines(&String::from_utf8_lossy(&text), 4),
            Err(error) => format!("(the log cannot be read: {error})"),
        }
    }
}

/// A running `postgres` and its watchdog.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: Pid,
    process: Child,
    watchdog: Watchdog,
}

impl Postmaster {
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until it has ended. Its process id is not reused until [`Self::reap`].
    pub(super) fn wait_until_ended(&self) {
        processes::wait_until_ended(self.pid);
    }

    /// Dismisses the watchdog, frees the process id and returns how the process ended.
    pub(super) fn reap(mut self) -> io::Result<ExitStatus> {
        self.watchdog.disarm();
        self.process.wait()
    }
}

impl Drop for Postmaster {
    /// Does nothing after `reap`. Without it the supervisor has failed, and the lock on the data directory must not be
    /// released while Postgres runs.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.watchdog.disarm();
    }
}

/// The process id of a child.
pub(super) fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// The setting is a list: quotes keep a path with a comma or a blank in one piece.
fn socket_setting(socket_dir: &Path) -> OsString {
    let mut setting = b"unix_socket_directories=\"".to_vec();
    for byte in socket_dir.as_os_str().as_bytes() {
        setting.extend_from_slice(if *byte == b'"' { b"\"\"" } else { std::slice::from_ref(byte) });
    }
    setting.push(b'"');
    OsStr::from_bytes(&setting).to_owned()
}

/// Settings for a small machine. None of them may lose an acknowledged message.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "cluster_name=parlance",
    // Durability: these are the defaults, repeated here so that no file in the cluster can override them.
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    // Memory: the working set of a chat is the newest page of each room.
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
    // In the directory of the cluster: a crash leaves nothing behind elsewhere, and containers have a small /dev/shm.
    "dynamic_shared_memory_type=mmap",
    // The log is one file, which the server rotates. Checkpoints are not logged.
    "logging_collector=off",
    "log_destination=stderr",
    "log_checkpoints=off",
    "log_timezone=UTC",
    "timezone=UTC",
];
