//! The private Postgres: with no `DATABASE_URL` the server keeps a cluster of its own in its data directory.
//!
//! [`Cluster::start`] finds the installed programs, creates the cluster if there is none, and returns when it
//! accepts connections on a Unix socket that only this account can reach. A thread starts it again when it dies.
//! A tiny shell, the guard, holds the other end of a pipe and stops Postgres when this process is gone, however it
//! went; what a guard could not stop, the next start stops.
//!
//! Knows no Diesel and no actix: it hands out a URL, nothing else.

mod account;
mod directory;
mod postmaster;
mod programs;
mod supervisor;
mod survivors;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use account::Account;
use directory::Directory;
use postmaster::Launch;
use supervisor::Supervisor;

/// Where the cluster lives and which programs run it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's data directory; the cluster takes the folder `postgres` in it.
    pub data_dir: PathBuf,
    /// The folder that holds `initdb` and `postgres`; looked for in the usual places when absent.
    pub bin_dir: Option<PathBuf>,
}

/// A running cluster of our own. Dropping it stops it.
#[derive(Debug)]
pub struct Cluster {
    supervisor: Supervisor,
    database_url: String,
    /// Holds the lock on the data directory until Postgres has stopped.
    _directory: Directory,
}

impl Cluster {
    /// Starts the cluster of `options.data_dir`, which is created if need be; returns when it accepts connections.
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
        let launch = Launch {
            program: programs.bin_dir.join("postgres"),
            account,
            cluster: directory.cluster(),
            socket_dir: socket_dir.clone(),
            log: directory.log(),
        };
        let supervisor = Supervisor::start(launch)?;
        let database_url = database_url(&socket_dir);
        Ok(Self { supervisor, database_url, _directory: directory })
    }

    /// Where libpq finds the database. Stays the same when Postgres is started again.
    pub fn database_url(&self) -> String {
        self.database_url.clone()
    }

    /// Stops Postgres (clients are cut off, what is committed is on disk) and waits until it is gone.
    pub fn stop(mut self) {
        self.supervisor.stop();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.supervisor.stop();
    }
}

/// The database's superuser. Nobody else can reach the socket, so it needs no password.
const USER: &str = "parlance";

/// A libpq URL: the socket's folder stands where a host would, percent-encoded.
fn database_url(socket_dir: &Path) -> String {
    let mut host = String::new();
    for byte in socket_dir.as_os_str().as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => host.push(char::from(*byte)),
            _ => host.push_str(&format!("%{byte:02X}")),
        }
    }
    // Every cluster has the database `postgres`; one of another name would be a second step that can be interrupted.
    format!("postgres://{USER}@{host}/postgres")
}

/// Why there is no private Postgres; each says in one sentence what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No Postgres is installed.
    #[error(
        "No Postgres programs were found on this machine: install them (Debian and Ubuntu: `apt-get install \
         postgresql`, Fedora: `dnf install postgresql-server`), say where they are with --postgres-bin-dir, or set \
         DATABASE_URL to a database that already runs."
    )]
    NoPrograms,
    /// The folder that was named holds no Postgres.
    #[error(
        "The directory {} holds no `initdb` and `postgres`: correct --postgres-bin-dir, or leave it out to have the \
         usual places searched.", .0.display()
    )]
    NoProgramsIn(PathBuf),
    /// A program is there but does not run.
    #[error("The program {} cannot be run ({reason}): repair the installation of Postgres or name another with --postgres-bin-dir.", .program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The cluster belongs to another major version.
    #[error(
        "The database in {} was made by Postgres {cluster}, which is not installed (found: {found}): install \
         Postgres {cluster} (Debian: `apt-get install postgresql-{cluster}`), or choose another directory with \
         --data-dir or PARLANCE_DATA_DIR.", .directory.display()
    )]
    OtherMajor {
        /// The cluster's folder.
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
        /// What the system said.
        reason: io::Error,
    },
    /// The account that Postgres runs as cannot get to the data directory.
    #[error(
        "Postgres refuses to run as root, and the account `{account}`, which runs it instead, cannot enter {}: choose \
         a directory that it can reach, such as /var/lib/parlance, with --data-dir or PARLANCE_DATA_DIR.",
        .directory.display()
    )]
    Unreachable {
        /// The directory.
        directory: PathBuf,
        /// The account's name.
        account: String,
    },
    /// There is nobody to run Postgres as.
    #[error(
        "Postgres refuses to run as root, and there is neither an account `postgres` nor `nobody` to run it instead: \
         start Parlance as an ordinary user, or set DATABASE_URL."
    )]
    NoAccount,
    /// Another server has the data directory.
    #[error(
        "Another Parlance is using the directory {}: stop it, or choose another directory with --data-dir or \
         PARLANCE_DATA_DIR.", .0.display()
    )]
    InUse(PathBuf),
    /// There is no short enough place for the socket.
    #[error(
        "The path {} is too long for a Unix socket or does not belong to this account, and so is every other: choose \
         a directory with a shorter path with --data-dir or PARLANCE_DATA_DIR.", .0.display()
    )]
    SocketPath(PathBuf),
    /// `initdb` failed.
    #[error("Postgres could not create its database in {}: {output}.", .directory.display())]
    Create {
        /// The cluster's folder.
        directory: PathBuf,
        /// The last of what it said.
        output: String,
    },
    /// `postgres` ended at once.
    #[error("Postgres does not start; the end of its log ({}) says: {output}.", .log.display())]
    Start {
        /// Its log.
        log: PathBuf,
        /// The last lines.
        output: String,
    },
}

/// The last of what a program said, in one line.
fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let tail = lines[lines.len().saturating_sub(count)..].join(" | ");
    if tail.is_empty() { "nothing".to_owned() } else { tail.trim_end_matches('.').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_folder_is_percent_encoded_in_the_url() {
        let url = database_url(Path::new("/var/lib/my data/é"));
        assert_eq!(url, "postgres://parlance@%2Fvar%2Flib%2Fmy%20data%2F%C3%A9/postgres");
    }

    #[test]
    fn the_end_of_an_output_is_one_line() {
        assert_eq!(last_lines("a\nb\n\nc.\n", 2), "b | c");
        assert_eq!(last_lines("\n", 2), "nothing");
    }
}
