//! The database under measurement: the private cluster that Parlance itself creates, run with Parlance's own settings.
//! The benchmark runs it, so that it outlives single servers and accepts the connections of `pgbench` too.

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

/// The name of the present version's database, which also holds the tables of the references.
pub const DATABASE: &str = "postgres";
/// The name of the earlier version's database.
pub const DATABASE_BEFORE: &str = "before";
/// The one setting that is not Parlance's: its own 40 are too few for 64 clients of `pgbench` beside three servers.
const CONNECTIONS: &str = "max_connections=160";
/// How long it may take to accept connections.
const START_TIME: Duration = Duration::from_secs(30);
/// The settings that make a commit durable. They must be on.
const DURABILITY: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

/// A running cluster.
pub struct Cluster {
    program: Program,
    bin_dir: PathBuf,
    socket_dir: PathBuf,
}

impl Cluster {
    /// Starts Parlance to create a cluster in `scratch`, reads from `/proc` how it runs Postgres, and runs it the same
    /// way.
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

    /// How libpq reaches one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("host={} user=parlance dbname={database}", self.socket_dir.display())
    }

    /// The folder of its socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// One of Postgres' own programs, connected to the present version's database.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin_dir.join(name));
        command.env("PGHOST", &self.socket_dir).env("PGUSER", "parlance").env("PGDATABASE", DATABASE);
        command
    }

    /// Runs statements in the present version's database. Returns the result of the last one, columns divided by `|`.
    pub fn query(&self, sql: &str) -> Outcome<String> {
        self.query_in(DATABASE, sql)
    }

    /// The same in another database.
    pub fn query_in(&self, database: &str, sql: &str) -> Outcome<String> {
        let mut psql = self
            .tool("psql")
            .env("PGDATABASE", database)
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

    /// Runs statements in the present version's database. The result of the last one is one line of numbers.
    pub fn numbers<const COUNT: usize>(&self, sql: &str) -> Outcome<[f64; COUNT]> {
        self.numbers_in(DATABASE, sql)
    }

    /// The same in another database.
    pub fn numbers_in<const COUNT: usize>(&self, database: &str, sql: &str) -> Outcome<[f64; COUNT]> {
        let answer = self.query_in(database, sql)?;
        let numbers: Result<Vec<f64>, _> = answer.split('|').map(str::parse).collect();
        let wrong = || fail(format!("the database answers {answer:?}"));
        numbers.map_err(|_| wrong())?.try_into().map_err(|_| wrong())
    }

    /// The settings that make commits durable, as read back; an error when one of them is off.
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

    /// How often the log was flushed to disk so far. A backend reports its flushes at the end of a transaction, once a
    /// second at most: to be counted, a flush must be a second old and followed by another transaction.
    pub fn flushes(&self) -> Outcome<f64> {
        self.numbers("SELECT wal_sync FROM pg_stat_wal").map(|[flushes]| flushes)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Postgres' fast shutdown: it does not wait for clients.
        self.program.stop("-INT");
    }
}
