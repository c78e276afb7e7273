//! Chromium: found, started with a fresh profile, and stopped with all of its processes.

use std::cell::RefCell;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::page::{Cache, Page};
use super::protocol::Protocol;
use crate::process::{Program, family, memory};
use crate::run::Run;
use crate::{Outcome, fail};

/// The names of the program, in the order of preference.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// A browser as people use it, but quiet towards the outside and able to run as root. Pages are never in the background.
const ARGUMENTS: [&str; 17] = [
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--lang=en-GB",
    "about:blank",
];

/// How long Chromium may take to start, and its processes to end.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// A running Chromium. It is stopped, and its profile removed, when this is dropped.
pub struct Chromium {
    program: Program,
    profile: PathBuf,
    protocol: RefCell<Protocol>,
}

impl Chromium {
    /// Starts it.
    pub fn start(run: &Run) -> Outcome<Self> {
        let profile = run.scratch.join("chromium");
        fs::create_dir(&profile)?;
        let mut command = Command::new(find()?);
        command.args(ARGUMENTS).arg(format!("--user-data-dir={}", profile.display()));
        // It leaves its sockets and locks beside its profile.
        command.env("TMPDIR", &profile);
        let program = Program::start(&run.scratch, "chromium", &mut command)?;
        let (addr, path) = devtools(&profile)?;
        Ok(Self { program, profile, protocol: RefCell::new(Protocol::connect(addr, &path)?) })
    }

    /// Sends a command, to a page when there is a session.
    pub fn call(&self, session: Option<&str>, method: &str, parameters: Value) -> Outcome<Value> {
        self.protocol.borrow_mut().call(session, method, parameters)
    }

    /// Opens an empty page.
    pub fn page(&self, cache: Cache) -> Outcome<Page<'_>> {
        Page::open(self, cache)
    }

    /// Its version.
    pub fn version(&self) -> Outcome<String> {
        let version = self.call(None, "Browser.getVersion", json!({}))?;
        Ok(version["product"].as_str().unwrap_or_default().to_owned())
    }

    /// The proportional set size of the processes that show pages, in KiB.
    pub fn pages_memory(&self) -> Outcome<f64> {
        let is_page = |pid: &u32| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            // Their arguments are one text.
            String::from_utf8_lossy(&command).contains("--type=renderer")
        };
        let pages = family(self.program.pid()).into_iter().filter(is_page);
        pages.map(|pid| memory(pid).map(|memory| memory.pss)).sum()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let members = family(self.program.pid());
        self.program.stop("-TERM");
        // The others end by themselves when the first one has ended; the profile can then be removed.
        let asked = Instant::now();
        let is_running = |pid: &u32| Path::new(&format!("/proc/{pid}/exe")).exists();
        while members.iter().any(is_running) && asked.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
        }
        for pid in members.iter().filter(|pid| is_running(pid)) {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// The program in `PATH`.
fn find() -> Outcome<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let programs = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    programs.into_iter().find(|program| program.is_file()).ok_or_else(|| {
        fail(format!(
            "suite f needs Chromium, and none of {} is in PATH: run './script/setup bench'",
            NAMES.join(", ")
        ))
    })
}

/// Where Chromium takes commands, as it writes into its profile: the port and the path.
fn devtools(profile: &Path) -> Outcome<(SocketAddr, String)> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let text = fs::read_to_string(profile.join("DevToolsActivePort")).unwrap_or_default();
        // The path comes last, so it is whole when it is there.
        if let Some((port, path)) = text.split_once('\n')
            && let Ok(port) = port.parse()
            && path.starts_with("/devtools/browser/")
        {
            return Ok((SocketAddr::from((Ipv4Addr::LOCALHOST, port)), path.trim().to_owned()));
        }
        thread::sleep(PAUSE);
    }
    Err(fail("Chromium does not start: see chromium.log in the scratch folder"))
}
