//! Signals, and waiting for a child process without freeing its process id.

use nix::errno::Errno;
use nix::sys::signal::{self, Signal};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// Sends a signal. The caller knows that the id has not been reused: the process is a child that was not reaped, or
/// its identity was checked right before.
pub(super) fn send(signal: Signal, pid: Pid) {
    match signal::kill(pid, signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => tracing::warn!(%error, %pid, %signal, "cannot signal a process of Postgres"),
    }
}

/// Whether any process has this id. One of another user counts.
pub(super) fn exists(pid: Pid) -> bool {
    signal::kill(pid, None) != Err(Errno::ESRCH)
}

/// Whether a child has ended. It stays a zombie until it is reaped, so its id is not reused.
pub(super) fn has_ended(child: Pid) -> bool {
    peek(child, WaitPidFlag::WNOHANG) != Ok(WaitStatus::StillAlive)
}

/// Waits until a child has ended. It stays a zombie until it is reaped, so its id is not reused.
pub(super) fn wait_until_ended(child: Pid) {
    if let Err(error) = peek(child, WaitPidFlag::empty()) {
        tracing::warn!(%error, pid = %child, "cannot wait for Postgres");
    }
}

fn peek(child: Pid, flags: WaitPidFlag) -> nix::Result<WaitStatus> {
    loop {
        let status = waitid(Id::Pid(child), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | flags);
        if status != Err(Errno::EINTR) {
            return status;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_that_ended_keeps_its_id_until_it_is_reaped() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat");
        let pid = Pid::from_raw(child.id().try_into().expect("a process id"));
        assert!(!has_ended(pid));
        drop(child.stdin.take());
        wait_until_ended(pid);
        assert!(has_ended(pid));
        assert!(exists(pid));
        assert!(child.wait().expect("it is still to be reaped").success());
    }
}
