//! The processes of a browser.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use support::temp_dir::TempDir;

/// The driver, and a shell that kills it and its Chrome when we are done or dead.
pub struct Processes {
    /// Where the driver listens.
    pub port: u16,
    driver: Child,
    guard: Child,
}

impl Processes {
    /// Starts a driver that keeps everything beside this profile.
    pub fn start(profile: &TempDir) -> Self {
        let mut driver = Command::new("chromedriver")
            .args(["--port=0", "--allowed-ips=127.0.0.1"])
            // Whatever Chrome leaves behind, it leaves beside its profile.
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver is installed");
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -s KILL -- \"-$0\""])
            .arg(driver.id().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a shell");
        let mut lines = BufReader::new(driver.stdout.take().expect("it is piped")).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_suffix('.')?.rsplit_once("on port ")?.1.parse().ok())
            .expect("chromedriver says where it listens");
        // It would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { port, driver, guard }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        // The end of its input is what the guard waits for.
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
        let _ = self.driver.wait();
    }
}
