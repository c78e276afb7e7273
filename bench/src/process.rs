//! Programs under measurement: starting them, stopping them by their pid, and their costs according to `/proc`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Outcome, fail};

/// How long a program may take to print its first line.
const START_TIME: Duration = Duration::from_secs(30);
/// How long a program may take to stop before it is killed.
const STOP_TIME: Duration = Duration::from_secs(30);
/// The kernel's unit of CPU time in `/proc`: 100 per second on all present architectures.
const TICKS_PER_SECOND: u64 = 100;

/// A child process. It is stopped when this is dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    lines: Receiver<String>,
    /// Holds the pid while the process runs, so that `script/bench` can stop it after an interrupted run.
    pid_file: PathBuf,
    log: PathBuf,
}

impl Program {
    /// Starts it. Its standard error goes to a log in `scratch`.
    pub fn start(scratch: &Path, name: &str, command: &mut Command) -> Outcome<Self> {
        let log = scratch.join(format!("{name}.log"));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        let pid_file = scratch.join(format!("{}.pid", child.id()));
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    // The pipe must be emptied even when nobody reads the lines.
                    let _ = sender.send(line);
                }
            });
        }
        let program = Self { name: name.to_owned(), child, lines, pid_file, log };
        fs::write(&program.pid_file, program.pid().to_string())?;
        Ok(program)
    }

    /// The next line that it prints.
    pub fn line(&self) -> Outcome<String> {
        self.lines.recv_timeout(START_TIME).map_err(|_| {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            fail(format!(
                "{} does not start: {}",
                self.name,
                log.lines().last().unwrap_or("it prints nothing")
            ))
        })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal and waits until the process has ended.
    pub fn stop(&mut self, signal: &str) {
        let pid = self.pid().to_string();
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill").args([signal, &pid]).status();
            let asked = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < STOP_TIME {
                thread::sleep(Duration::from_millis(5));
            }
            // Both do nothing when it has ended.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = fs::remove_file(&self.pid_file);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop("-TERM");
    }
}

/// Fields of `/proc/<pid>/stat`.
struct Stat {
    parent: u32,
    /// Its CPU time, user and system.
    own: u64,
    /// The CPU time of its children that have ended.
    ended_children: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields after it are numbers, from the third one on.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |position: usize| fields.get(position - 3)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(4)?).ok()?,
        own: number(14)? + number(15)?,
        ended_children: number(16)? + number(17)?,
    })
}

/// A process and its descendants.
pub fn family(root: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, stat(pid)?.parent))).collect();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&member) = family.get(next) {
        family.extend(parents.iter().filter(|(_, parent)| *parent == member).map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

/// The CPU time, user and system, that a process and its descendants have used so far. The kernel adds the time of a
/// child that has ended to its parent.
pub fn cpu_time(root: u32) -> Duration {
    let members = family(root).into_iter().filter_map(|pid| Some((pid, stat(pid)?)));
    members.map(|(pid, stat)| own_time(pid, stat.own) + ticks(stat.ended_children)).sum()
}

/// In nanoseconds, from the living threads; in ticks where threads have ended, because only those include them.
fn own_time(pid: u32, own: u64) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    let exact = Duration::from_nanos(nanos.sum());
    let coarse = ticks(own);
    if coarse > exact + 2 * ticks(1) { coarse } else { exact }
}

fn ticks(count: u64) -> Duration {
    Duration::from_micros(count * 1_000_000 / TICKS_PER_SECOND)
}

/// The memory of a process, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Resident set size.
    pub rss: f64,
    /// Proportional set size: a page that several processes share counts once in all.
    pub pss: f64,
}

/// The memory of a process and its descendants.
pub fn memory(root: u32) -> Outcome<Memory> {
    let mut sum = Memory::default();
    for pid in family(root) {
        // The process may have ended since it was listed.
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let kib = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<f64>().ok()
        };
        sum.rss += kib("Rss:").unwrap_or(0.0);
        sum.pss += kib("Pss:").unwrap_or(0.0);
    }
    if sum.rss > 0.0 { Ok(sum) } else { Err(fail("the memory of a process cannot be read")) }
}

/// How many files this process may open.
pub fn max_open_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    // It may also be "unlimited".
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_costs() {
        let own = std::process::id();
        assert!(family(own).contains(&own));
        assert!(memory(own).is_ok_and(|memory| memory.rss >= memory.pss && memory.pss > 100.0));
        let started = Instant::now();
        while cpu_time(own) == Duration::ZERO && started.elapsed() < Duration::from_secs(10) {}
        assert!(cpu_time(own) > Duration::ZERO);
        assert!(max_open_files() >= 16);
    }
}
