//! The processes of the machine, as `/proc` shows them.

use std::fs;
use std::path::Path;
use std::process::Command;

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub parent: u32,
    pub name: String,
    /// One letter, such as `S` for sleeping and `Z` for a zombie.
    pub state: String,
}

/// Every process of the machine that this test may see.
pub fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("Linux").flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            // `pid (name) state parent …`, where the name may contain anything.
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
            let mut fields = rest.split_whitespace();
            let state = fields.next()?.to_owned();
            let parent = fields.next()?.parse().ok()?;
            Some(Process { pid, parent, name: name.to_owned(), state })
        })
        .collect()
}

/// The processes whose working directory is below `dir`: postmasters and their backends.
pub fn working_in(dir: &Path) -> Vec<Process> {
    let works_there = |process: &Process| {
        fs::read_link(format!("/proc/{}/cwd", process.pid)).is_ok_and(|cwd| cwd.starts_with(dir))
    };
    all().into_iter().filter(works_there).collect()
}

/// Sends a signal, such as `KILL`.
pub fn kill(signal: &str, pid: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status().expect("a shell");
    assert!(status.success(), "kill -{signal} {pid}");
}
