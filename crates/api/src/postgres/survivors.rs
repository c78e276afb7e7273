//! Postgres processes that outlived the server that started them.
//!
//! Postgres keeps two postmasters off one cluster by `postmaster.pid` and its shared memory. Both are left behind by a
//! kill -9, and its orphaned backends need a moment to notice; so they are waited for, never cleared away under them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A fast shutdown writes a checkpoint; past this it is told to stop at once, which a later start recovers from.
const FAST_SHUTDOWN: Duration = Duration::from_secs(5);
/// Past this Postgres itself may judge whether the cluster is free.
const PATIENCE: Duration = Duration::from_secs(12);

/// Returns when nobody runs the cluster any more; stops who still does.
pub(super) fn clear(cluster: &Path) {
    let pid_file = cluster.join("postmaster.pid");
    let Ok(contents) = fs::read_to_string(&pid_file) else { return };
    let postmaster = PidFile::parse(&contents).map(|file| file.pid);
    let started = Instant::now();
    let mut asked = 0;
    loop {
        let survivors = processes_of(cluster);
        if survivors.is_empty() {
            break;
        }
        if let Some(pid) = postmaster.filter(|pid| survivors.contains(pid)) {
            if asked == 0 {
                tracing::warn!(pid, "stopping the Postgres that an earlier server left running");
                signal("INT", pid);
                asked = 1;
            } else if asked == 1 && started.elapsed() > FAST_SHUTDOWN {
                signal("QUIT", pid);
                asked = 2;
            }
        }
        if started.elapsed() > PATIENCE {
            tracing::warn!(?survivors, "processes of an earlier Postgres do not end");
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    // Process ids start again after a reboot or in a new container: a file that names somebody else's process would
    // keep Postgres from starting for ever. We hold the directory's lock and nobody runs the cluster.
    if postmaster.is_some_and(|pid| Path::new("/proc").join(pid.to_string()).exists()) {
        let _ = fs::remove_file(&pid_file);
    }
}

/// The Postgres processes whose working directory is the cluster; none where there is no `/proc`.
fn processes_of(cluster: &Path) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let name = fs::read_to_string(entry.path().join("comm")).ok()?;
            let works_in = fs::read_link(entry.path().join("cwd")).ok()?;
            (name.trim_end() == "postgres" && works_in == cluster).then_some(pid)
        })
        .collect()
}

/// Sends a signal; by a shell, as std cannot.
pub(super) fn signal(name: &str, pid: u32) {
    let script = format!("kill -{name} {pid}");
    let sent = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).stderr(Stdio::null()).status();
    if let Err(error) = sent {
        tracing::warn!(%error, pid, "cannot run a shell to signal Postgres");
    }
}

/// What `postmaster.pid` says: the process in its first line, its state in the eighth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: u32,
    pub(super) ready: bool,
}

impl PidFile {
    /// `None` while the file is still being written.
    pub(super) fn parse(contents: &str) -> Option<Self> {
        let mut lines = contents.lines();
        // Single-user mode writes its process id with a minus.
        let pid = lines.next()?.trim().trim_start_matches('-').parse().ok()?;
        Some(Self { pid, ready: lines.nth(6).is_some_and(|state| state.trim() == "ready") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_says_who_runs_and_whether_it_is_ready() {
        let file =
            "4711\n/data/postgres/cluster\n1700000000\n5432\n/data/postgres/socket\n\n  12345  0\nready   \n";
        assert_eq!(PidFile::parse(file), Some(PidFile { pid: 4711, ready: true }));
        assert_eq!(
            PidFile::parse(&file.replace("ready", "starting")),
            Some(PidFile { pid: 4711, ready: false })
        );
    }

    #[test]
    fn a_pid_file_that_is_half_written_names_nobody_or_is_not_ready() {
        assert_eq!(PidFile::parse(""), None);
        assert_eq!(PidFile::parse("x\n"), None);
        assert_eq!(PidFile::parse("-4711\n/data\n"), Some(PidFile { pid: 4711, ready: false }));
    }
}
