//! The client programs of Postgres: `pg_dump` and `pg_restore`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};

use super::conninfo::without_password;
use super::error::{ClientError, last_lines};
use super::programs;

/// How long `pg_dump` waits for a table that is being changed.
const LOCK_TIMEOUT: &str = "60s";

/// The client programs that fit a server.
#[derive(Clone, Debug)]
pub struct Clients {
    bin_dir: PathBuf,
}

impl Clients {
    /// Finds the programs for a server of this major version, in `bin_dir` or in the default directories.
    ///
    /// # Errors
    /// [`ClientError::NoPrograms`].
    pub fn find(bin_dir: Option<&Path>, server_major: u32) -> Result<Self, ClientError> {
        Ok(Self { bin_dir: programs::find_clients(bin_dir, server_major)? })
    }

    /// Starts `pg_dump`, which writes the database, as an exported snapshot sees it, to its output.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn dump(&self, database_url: &str, snapshot: &str) -> Result<Running, ClientError> {
        let snapshot = format!("--snapshot={snapshot}");
        let lock_timeout = format!("--lock-wait-timeout={LOCK_TIMEOUT}");
        self.run("pg_dump", database_url, &["--format=custom", &snapshot, &lock_timeout], |command| {
            command.stdin(Stdio::null()).stdout(Stdio::piped())
        })
    }

    /// Starts `pg_restore`, which restores what it reads into an empty database, in one transaction. What it creates
    /// belongs to the user who connects.
    ///
    /// # Errors
    /// If it cannot be run.
    pub fn restore(&self, database_url: &str) -> Result<Running, ClientError> {
        let flags =
            ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-tablespaces"];
        self.run("pg_restore", database_url, &flags, |command| {
            command.stdin(Stdio::piped()).stdout(Stdio::null())
        })
    }

    /// Other processes see the arguments of a program, but not its environment.
    fn run(
        &self,
        name: &'static str,
        database_url: &str,
        flags: &[&str],
        connect: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<Running, ClientError> {
        let program = self.bin_dir.join(name);
        let mut command = Command::new(&program);
        let (database, password) = without_password(database_url);
        command.args(flags).arg("--no-password").arg(format!("--dbname={database}")).env("LC_ALL", "C");
        if let Some(password) = password {
            command.env("PGPASSWORD", password);
        }
        let failed = |reason| ClientError::Program { program: program.clone(), reason };
        let mut process = connect(&mut command).stderr(Stdio::piped()).spawn().map_err(failed)?;
        let errors = process.stderr.take();
        let read_errors = move || {
            let mut said = Vec::new();
            // What cannot be read is not said.
            let _ = errors.map(|mut errors| errors.read_to_end(&mut said));
            String::from_utf8_lossy(&said).into_owned()
        };
        let errors = thread::Builder::new().name(name.to_owned()).spawn(read_errors).map_err(failed)?;
        Ok(Running { name, process, errors: Some(errors) })
    }
}

/// A client program that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    process: Child,
    errors: Option<JoinHandle<String>>,
}

impl Running {
    /// What the program writes; `None` if it was taken.
    pub fn take_output(&mut self) -> Option<ChildStdout> {
        self.process.stdout.take()
    }

    /// What the program reads; `None` if it was taken.
    pub fn take_input(&mut self) -> Option<ChildStdin> {
        self.process.stdin.take()
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// [`ClientError::Failed`].
    pub fn finish(mut self) -> Result<(), ClientError> {
        let status = self.process.wait();
        let said = self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default();
        let said = match status {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) if said.trim().is_empty() => status.to_string(),
            Ok(_) => last_lines(&said, 3),
            Err(error) => error.to_string(),
        };
        Err(ClientError::Failed { program: self.name, said })
    }
}

impl Drop for Running {
    /// Does nothing after `finish`.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
