//! The watchdog: a process that outlives the server and stops Postgres when the server dies.

use std::io::{self, Write};
use std::process::{Child, ChildStdin, Stdio};

use nix::unistd::Pid;

use super::account::Account;

/// A shell that waits for the end of a pipe from this process. When the pipe closes, it stops the process it was armed
/// with: a fast shutdown first, an immediate one after five seconds, SIGKILL after eight.
///
/// It is a separate program because it must outlive the server, and a shell because every system has one.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

/// The first line is the process to watch, the second one means that it has ended. Signals to the whole service or
/// terminal must not end the watchdog before the server.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
read -r pid || exit 0
read -r ended && exit 0
kill -INT "$pid" || exit 0
tenths=0
while kill -0 "$pid" && [ "$tenths" -lt 120 ]; do
    case $tenths in
        50) kill -QUIT "$pid" ;;
        80) kill -KILL "$pid" ;;
    esac
    sleep 0.1
    tenths=$((tenths + 1))
done
"#;

impl Watchdog {
    /// Starts a watchdog that is not armed. It starts before the process that it will watch, so that this is never
    /// unwatched.
    pub(super) fn spawn(account: &Account) -> io::Result<Self> {
        let mut shell =
            account.command("sh").args(["-c", SCRIPT]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Sets the process to stop when this one dies.
    pub(super) fn arm(&mut self, pid: Pid) -> io::Result<()> {
        self.pipe.as_mut().map_or(Ok(()), |pipe| writeln!(pipe, "{pid}"))
    }

    /// Ends the watchdog without a signal to the process. It must be called before the process is reaped, while its id
    /// cannot belong to another process.
    pub(super) fn disarm(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            // Fails when the watchdog was killed.
            let _ = writeln!(pipe, "ended");
        }
        let _ = self.shell.wait();
    }
}

impl Drop for Watchdog {
    /// Reaps the shell, which ends at once if it was never armed or has been disarmed.
    fn drop(&mut self) {
        self.pipe = None;
        let _ = self.shell.wait();
    }
}
