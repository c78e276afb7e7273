//! Postgres processes that outlived their parent: the server that started them, or their postmaster.
//!
//! Postgres keeps two postmasters off one cluster by `postmaster.pid` and its shared memory. Both are left behind by a
//! SIGKILL. Idle backends notice within moments that their postmaster is gone, busy ones only when their query ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::processes;

/// The signals for a postmaster and their times. A fast shutdown writes a checkpoint. After an immediate one, or a
/// kill, the next start recovers.
pub(super) const POSTMASTER_SIGNALS: [(Duration, Signal); 3] = [
    (Duration::ZERO, Signal::SIGINT),
    (Duration::from_secs(5), Signal::SIGQUIT),
    (Duration::from_secs(8), Signal::SIGKILL),
];
/// The signals for the other processes when their postmaster is gone. Most end by themselves before.
const BACKEND_SIGNALS: [(Duration, Signal); 2] =
    [(Duration::from_millis(500), Signal::SIGQUIT), (Duration::from_secs(3), Signal::SIGKILL)];
/// After this time Postgres itself checks whether the cluster is in use.
const TIMEOUT: Duration = Duration::from_secs(12);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Stops every process of the cluster and waits until none is left, until `cancelled`, or until the timeout. The caller
/// holds the lock on the data directory and runs no Postgres.
pub(super) fn stop(cluster: &Path, cancelled: impl Fn() -> bool) {
    let pid_file = PidFile::path(cluster);
    if !pid_file.exists() {
        return;
    }
    let postmaster = PidFile::read(cluster).map(|file| file.pid);
    let started = Instant::now();
    let mut last_sent = None;
    loop {
        let orphans = processes_of(cluster);
        if orphans.is_empty() {
            break;
        }
        if cancelled() {
            return;
        }
        if started.elapsed() > TIMEOUT {
            tracing::warn!(?orphans, "processes of an earlier Postgres do not end");
            return;
        }
        let due = match postmaster.filter(|pid| orphans.contains(pid)) {
            Some(pid) => due_signal(&POSTMASTER_SIGNALS, started.elapsed()).map(|signal| (signal, vec![pid])),
            None => due_signal(&BACKEND_SIGNALS, started.elapsed()).map(|signal| (signal, orphans)),
        };
        if let Some((signal, pids)) = due.filter(|(signal, _)| last_sent != Some(*signal)) {
            tracing::warn!(?pids, %signal, "stopping an earlier Postgres that is still running");
            // Checked again right before the signal: in the meantime the id may belong to another process.
            pids.into_iter().filter(|pid| runs(*pid, cluster)).for_each(|pid| processes::send(signal, pid));
            last_sent = Some(signal);
        }
        thread::sleep(POLL_INTERVAL);
    }
    // Process ids start again after a reboot or in a new container. A file that names an unrelated process would
    // prevent Postgres from starting forever.
    if postmaster.is_some_and(processes::exists) {
        let _ = fs::remove_file(&pid_file);
    }
}

/// The last signal of a schedule whose time has come.
fn due_signal(schedule: &[(Duration, Signal)], elapsed: Duration) -> Option<Signal> {
    schedule.iter().rev().find(|(after, _)| elapsed >= *after).map(|(_, signal)| *signal)
}

/// The Postgres processes of the cluster; none where there is no `/proc`.
fn processes_of(cluster: &Path) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
        .filter(|pid| runs(*pid, cluster))
        .collect()
}

/// Whether a process is a Postgres whose working directory is the cluster.
fn runs(pid: Pid, cluster: &Path) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim_end() == "postgres")
        && fs::read_link(process.join("cwd")).is_ok_and(|directory| directory == cluster)
}

/// The contents of `postmaster.pid`: the process id in its first line, the state in its eighth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: Pid,
    pub(super) ready: bool,
}

impl PidFile {
    fn path(cluster: &Path) -> PathBuf {
        cluster.join("postmaster.pid")
    }

    /// Reads the file of a cluster; `None` if there is none or it is still being written.
    pub(super) fn read(cluster: &Path) -> Option<Self> {
        // It contains the path of the cluster, which need not be UTF-8.
        let contents = fs::read(Self::path(cluster)).ok()?;
        Self::parse(&String::from_utf8_lossy(&contents))
    }

    fn parse(contents: &str) -> Option<Self> {
        let mut lines = contents.lines();
        // Single-user mode writes its process id with a minus.
        let pid: i32 = lines.next()?.trim().trim_start_matches('-').parse().ok()?;
        // To kill(2), zero means a group of processes.
        let pid = (pid > 0).then(|| Pid::from_raw(pid))?;
        Some(Self { pid, ready: lines.nth(6).is_some_and(|state| state.trim() == "ready") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_names_the_postmaster_and_tells_whether_it_is_ready() {
        let file =
            "4711\n/data/postgres/cluster\n1700000000\n5432\n/data/postgres/socket\n\n  12345  0\nready   \n";
        let pid = Pid::from_raw(4711);
        assert_eq!(PidFile::parse(file), Some(PidFile { pid, ready: true }));
        assert_eq!(PidFile::parse(&file.replace("ready", "starting")), Some(PidFile { pid, ready: false }));
    }

    #[test]
    fn an_incomplete_or_invalid_pid_file_names_no_process_or_is_not_ready() {
        assert_eq!(PidFile::parse(""), None);
        assert_eq!(PidFile::parse("x\n"), None);
        assert_eq!(PidFile::parse("0\n/data\n"), None);
        assert_eq!(PidFile::parse("99999999999\n/data\n"), None);
        assert_eq!(
            PidFile::parse("-4711\n/data\n"),
            Some(PidFile { pid: Pid::from_raw(4711), ready: false })
        );
    }

    #[test]
    fn signals_escalate_with_time() {
        assert_eq!(due_signal(&BACKEND_SIGNALS, Duration::ZERO), None);
        assert_eq!(due_signal(&POSTMASTER_SIGNALS, Duration::ZERO), Some(Signal::SIGINT));
        assert_eq!(due_signal(&POSTMASTER_SIGNALS, Duration::from_secs(7)), Some(Signal::SIGQUIT));
        assert_eq!(due_signal(&POSTMASTER_SIGNALS, Duration::from_secs(60)), Some(Signal::SIGKILL));
    }
}
