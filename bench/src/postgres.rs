//! The database under measurement: the private cluster that Parlance itself creates, run with Parlance's own settings,
//! but by us, so that it outlives single servers and takes the connections of `pgbench` besides theirs.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{Program, cpu_time, family};
use crate::{Outcome, fail};

/// The one setting that is not Parlance's: its own 40 are too few for 64 clients of `pgbench`.
const CONNECTIONS: &str = "max_connections=120";
/// How long it may take to accept connections.
const START_TIME: Duration = Duration::from_secs(30);
/// What makes a commit durable, and must be on whenever something is measured.
const DURABILITY: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

/// A running cluster.
pub struct Cluster {
    program: Program,
    bin_dir: PathBuf,
    socket_dir: PathBuf,
}

impl Cluster {
    /// Has Parlance create a cluster in `scratch`, learns from the kernel how it runs it, and runs it the same way.
    pub fn start(scratch: &Path, server: &Path) -> Outcome<Self> {
        let data_dir = scratch.join("data");
        let mut maker = Program::start(
            scratch,
            "maker",
            Command::new(server).args(["--port", "0", "--data-dir"]).arg(&data_dir),
        )?;
        maker.line()?;
        let is_postgres = |pid: &u32| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm"));
            name.is_ok_and(|name| name.trim() == "postgres")
        };
        let postmaster = family(maker.pid()).into_iter().find(is_postgres);
        let postmaster = postmaster.ok_or_else(|| fail("Parlance runs no Postgres of its own"))?;
        let program = fs::read_link(format!("/proc/{postmaster}/exe"))?;
        let arguments = fs::read(format!("/proc/{postmaster}/cmdline"))?;
        let arguments =
            arguments.split(|byte| *byte == 0).map(|argument| OsString::from_vec(argument.to_vec()));
        let arguments: Vec<OsString> = arguments.skip(1).filter(|argument| !argument.is_empty()).collect();
        maker.stop("-TERM");

        let cluster = data_dir.join("postgres/cluster");
        let mut command = Command::new(&program);
        command.args(&arguments).args(["-c", CONNECTIONS]).env("LC_ALL", "C").current_dir("/");
        let owner = fs::metadata(&cluster)?;
        if owner.uid() != fs::metadata("/proc/self")?.uid() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        let program_dir = program.parent().map(Path::to_owned).unwrap_or_default();
        let cluster = Self {
            program: Program::start(scratch, "postgres", &mut command)?,
            bin_dir: program_dir,
            socket_dir: data_dir.join("postgres/socket"),
        };
        let started = Instant::now();
        while let Err(error) = cluster.query("SELECT 1") {
            if started.elapsed() > START_TIME {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(cluster)
    }

    /// How libpq reaches it.
    pub fn url(&self) -> String {
        format!("host={} user=parlance dbname=postgres", self.socket_dir.display())
    }

    /// The folder of its socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// One of Postgres' own programs, told where the database is.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin_dir.join(name));
        command.env("PGHOST", &self.socket_dir).env("PGUSER", "parlance").env("PGDATABASE", "postgres");
        command
    }

    /// Runs statements; gives what the last one answers, columns divided by `|`.
    pub fn query(&self, sql: &str) -> Outcome<String> {
        let mut psql = self
            .tool("psql")
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = psql.stdin.take() {
            stdin.write_all(sql.as_bytes())?;
        }
        let output = psql.wait_with_output()?;
        if !output.status.success() {
            return Err(fail(format!("psql: {}", String::from_utf8_lossy(&output.stderr).trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The same, with an answer of one line of numbers.
    pub fn numbers<const COUNT: usize>(&self, sql: &str) -> Outcome<[f64; COUNT]> {
        let answer = self.query(sql)?;
        let numbers: Result<Vec<f64>, _> = answer.split('|').map(str::parse).collect();
        let wrong = || fail(format!("the database answers {answer:?}"));
        numbers.map_err(|_| wrong())?.try_into().map_err(|_| wrong())
    }

    /// Its version, and that it is durable: an error when it is not.
    pub fn durability(&self) -> Outcome<String> {
        let names = DURABILITY.map(|name| format!("'{name}'")).join(", ");
        let read = self.query(&format!(
            "SELECT string_agg(name || '=' || setting, ', ' ORDER BY name) FROM pg_settings WHERE name IN ({names})"
        ))?;
        if DURABILITY.iter().all(|name| read.contains(&format!("{name}=on"))) {
            return Ok(read);
        }
        Err(fail(format!("the database is not durable: {read}")))
    }

    /// The CPU time of all its processes so far.
    pub fn cpu_time(&self) -> Duration {
        cpu_time(self.program.pid())
    }

    /// How often the log was flushed to disk so far. A backend tells of its flushes once a second at most, when it ends
    /// a transaction: what is to be counted must be a second old and followed by another transaction.
    pub fn flushes(&self) -> Outcome<f64> {
        self.numbers("SELECT wal_sync FROM pg_stat_wal").map(|[flushes]| flushes)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Postgres' fast shutdown: it waits for nobody.
        self.program.stop("-INT");
    }
}
