//! The private Postgres: without a `DATABASE_URL` the server runs a cluster of its own in its data directory.
//!
//! [`Cluster::start`] finds the installed programs, creates the cluster if there is none, and returns when it
//! accepts connections on a Unix socket that only this account can reach. The [`supervisor`] restarts it when it ends.
//! The [`watchdog`] stops it when the server process dies, by whatever cause. Processes that remain nevertheless are
//! the [`orphans`] that the next start stops.
//!
//! This module knows neither Diesel nor actix: its result is a URL. It needs Linux, for `/proc` and waitid(2).

mod account;
mod directory;
mod orphans;
mod postmaster;
mod processes;
mod programs;
mod supervisor;
mod watchdog;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use account::Account;
use directory::Directory;
use postmaster::Launcher;
use supervisor::Supervisor;

/// The directory of the cluster and the programs that run it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's data directory. The cluster is in its subdirectory `postgres`.
    pub data_dir: PathBuf,
    /// The directory that contains `initdb` and `postgres`. Without it, the default directories are searched.
    pub bin_dir: Option<PathBuf>,
}

/// A running private cluster. Dropping it stops it.
#[derive(Debug)]
pub struct Cluster {
    supervisor: Supervisor,
    database_url: String,
    /// Keeps the data directory locked until Postgres has ended.
    _directory: Directory,
}

impl Cluster {
    /// Starts the cluster in `options.data_dir`, creating it if necessary. Returns when it accepts connections.
    pub fn start(options: &Options) -> Result<Self, ClusterError> {
        let directory = Directory::open(&options.data_dir)?;
        let programs =
            programs::find(options.bin_dir.as_deref(), directory.cluster_major(), &directory.cluster())?;
        let account = Account::choose(directory.cluster_owner())?;
        let socket_dir = directory.prepare(&account)?;
        if directory.cluster_major().is_none() {
            directory.create_cluster(&programs, &account)?;
        }
        tracing::info!(
            data_dir = %directory.root().display(),
            programs = %programs.bin_dir.display(),
            "using a private Postgres"
        );
        let launcher = Launcher {
            program: programs.bin_dir.join("postgres"),
            account,
            cluster: directory.cluster(),
            socket_dir: socket_dir.clone(),
            log: directory.log(),
        };
        let supervisor = Supervisor::start(launcher)?;
        let database_url = database_url(&socket_dir);
        Ok(Self { supervisor, database_url, _directory: directory })
    }

    /// The URL of the database, for libpq. It stays the same when Postgres is restarted.
    pub fn database_url(&self) -> String {
        self.database_url.clone()
    }

    /// Stops Postgres and waits until it has ended. Clients are disconnected; what is committed is on disk.
    pub fn stop(mut self) {
        self.supervisor.stop();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.supervisor.stop();
    }
}

/// The database superuser. It needs no password, because no other account can reach the socket.
const USER: &str = "parlance";

/// A libpq URL with the percent-encoded directory of the socket as its host.
fn database_url(socket_dir: &Path) -> String {
    let mut host = String::new();
    for byte in socket_dir.as_os_str().as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => host.push(char::from(*byte)),
            _ => host.push_str(&format!("%{byte:02X}")),
        }
    }
    // Every cluster has the database `postgres`. To create another would be a second step that can be interrupted.
    format!("postgres://{USER}@{host}/postgres")
}

/// Why the private Postgres does not start. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No Postgres is installed.
    #[error(
        "No Postgres programs were found on this machine: install them (Debian and Ubuntu: `apt-get install \
         postgresql`, Fedora: `dnf install postgresql-server`), name their directory with \
         --postgres-bin-dir, or set DATABASE_URL to an existing database."
    )]
    NoPrograms,
    /// The configured directory contains no Postgres.
    #[error(
        "The directory {} does not contain `initdb` and `postgres`: correct --postgres-bin-dir, or omit it to search \
         the default directories.", .0.display()
    )]
    NoProgramsIn(PathBuf),
    /// A program exists but cannot be run.
    #[error(
        "The program {} cannot be run ({reason}): repair the installation of Postgres, or name another one with \
         --postgres-bin-dir.", .program.display()
    )]
    Program {
        /// The program.
        program: PathBuf,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// The cluster belongs to another major version.
    #[error(
        "The database in {} was created by Postgres {cluster}, which is not installed (found: {found}): install \
         Postgres {cluster} (Debian: `apt-get install postgresql-{cluster}`), or choose another directory with \
         --data-dir or PARLANCE_DATA_DIR.", .directory.display()
    )]
    OtherMajor {
        /// The directory of the cluster.
        directory: PathBuf,
        /// Its major version.
        cluster: u32,
        /// The major versions that are installed.
        found: String,
    },
    /// The data directory cannot be used.
    #[error(
        "The directory {} cannot be written ({reason}): make it writable for the account that runs Parlance, or \
         choose another with --data-dir or PARLANCE_DATA_DIR.", .directory.display()
    )]
    NotWritable {
        /// The directory or file.
        directory: PathBuf,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// The account that runs Postgres cannot enter the data directory.
    #[error(
        "Postgres refuses to run as root, and the account `{account}`, which runs it instead, cannot enter {}: choose \
         a directory that this account can enter, such as /var/lib/parlance, with --data-dir or PARLANCE_DATA_DIR.",
        .directory.display()
    )]
    Unreachable {
        /// The directory.
        directory: PathBuf,
        /// The account's name.
        account: String,
    },
    /// There is no unprivileged account to run Postgres.
    #[error(
        "Postgres refuses to run as root, and this machine has neither an account `postgres` nor `nobody` to run it: \
         start Parlance as an ordinary user, or set DATABASE_URL."
    )]
    NoAccount,
    /// The user database cannot be read.
    #[error(
        "Postgres refuses to run as root, and the accounts of this machine cannot be looked up ({0}): start Parlance as \
         an ordinary user, or set DATABASE_URL."
    )]
    AccountLookup(io::Error),
    /// Another server has locked the data directory.
    #[error(
        "Another Parlance is using the directory {}: stop it, or choose another directory with --data-dir or \
         PARLANCE_DATA_DIR.", .0.display()
    )]
    InUse(PathBuf),
    /// No directory for the socket is usable.
    #[error(
        "The Unix socket of Postgres cannot be in {}, because the path is too long or the directory belongs to another \
         account: choose a data directory with a shorter path with --data-dir or PARLANCE_DATA_DIR.", .0.display()
    )]
    SocketPath(PathBuf),
    /// `initdb` failed.
    #[error("Postgres could not create its database in {}: {output}.", .directory.display())]
    Create {
        /// The directory of the cluster.
        directory: PathBuf,
        /// The last lines of its output.
        output: String,
    },
    /// `postgres` ended before it accepted connections.
    #[error("Postgres does not start. Its log ({}) ends with: {output}.", .log.display())]
    Start {
        /// Its log.
        log: PathBuf,
        /// The last lines of the log.
        output: String,
    },
}

/// The last lines of an output, joined to one.
fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let tail = lines[lines.len().saturating_sub(count)..].join(" | ");
    if tail.is_empty() { "nothing".to_owned() } else { tail.trim_end_matches('.').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_directory_is_percent_encoded_in_the_url() {
        let url = database_url(Path::new("/var/lib/my data/é"));
        assert_eq!(url, "postgres://parlance@%2Fvar%2Flib%2Fmy%20data%2F%C3%A9/postgres");
    }

    #[test]
    fn the_last_lines_of_an_output_are_joined_to_one() {
        assert_eq!(last_lines("a\nb\n\nc.\n", 2), "b | c");
        assert_eq!(last_lines("\n", 2), "nothing");
    }
}
