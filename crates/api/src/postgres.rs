//! The private Postgres: without a `DATABASE_URL` the server runs a cluster of its own in its data directory.
//!
//! [`Cluster::start`] finds the installed programs, creates the cluster if there is none, and returns when it
//! accepts connections on a Unix socket that only this account can reach. The [`supervisor`] restarts it when it ends.
//! The [`watchdog`] stops it when the server process dies. Processes that remain nevertheless are [`orphans`], which
//! the next start stops.
//!
//! This module knows neither Diesel nor actix: its result is a URL. It needs Linux, for `/proc` and waitid(2).

mod account;
mod clients;
mod conninfo;
mod directory;
mod error;
mod orphans;
mod postmaster;
mod processes;
mod programs;
mod supervisor;
mod watchdog;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use account::Account;
pub use clients::{Clients, Running};
pub use directory::ENTRIES;
use directory::{Directory, USER};
pub use error::{ClientError, ClusterError};
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
    /// Whether there is a cluster in a data directory.
    pub fn exists(data_dir: &Path) -> bool {
        directory::cluster_in(data_dir).join("PG_VERSION").exists()
    }

    /// Starts the cluster in `options.data_dir`, creating it if necessary. Returns when it accepts connections.
    pub fn start(options: &Options) -> Result<Self, ClusterError> {
        let directory = Directory::open(&options.data_dir)?;
        let programs =
            programs::find(options.bin_dir.as_deref(), directory.cluster_major(), &directory.cluster())?;
        let account = Account::choose(directory.cluster_owner())?;
        let socket_dir = directory.prepare(&account)?;
        if directory.cluster_major().is_none() {
            directory.create_cluster(&programs, &account)?.complete()?;
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

    /// Creates a cluster and runs it for `fill`, which gets the URL of its database. The directory has a cluster only once
    /// `fill` has succeeded.
    pub fn create<E: From<ClusterError>>(
        options: &Options,
        fill: impl FnOnce(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let directory = Directory::open(&options.data_dir)?;
        if Self::exists(directory.root()) {
            return Err(ClusterError::HasData(directory.root().to_owned()).into());
        }
        let programs = programs::find(options.bin_dir.as_deref(), None, &directory.cluster())?;
        let account = Account::choose(None)?;
        let socket_dir = directory.prepare(&account)?;
        let creating = directory.create_cluster(&programs, &account)?;
        let launcher = Launcher {
            program: programs.bin_dir.join("postgres"),
            account,
            cluster: creating.path().to_owned(),
            socket_dir: socket_dir.clone(),
            log: directory.log(),
        };
        let mut supervisor = Supervisor::start(launcher)?;
        let filled = fill(&database_url(&socket_dir));
        supervisor.stop();
        filled?;
        Ok(creating.complete()?)
    }

    /// Starts the cluster that is in the directory, or finds the one that another process runs there. Returns the URL of
    /// the database, and the cluster if it was started.
    pub fn start_or_find(options: &Options) -> Result<(String, Option<Self>), ClusterError> {
        if !Self::exists(&options.data_dir) {
            return Err(ClusterError::NoData(options.data_dir.clone()));
        }
        match Self::start(options) {
            Ok(cluster) => Ok((cluster.database_url(), Some(cluster))),
            Err(ClusterError::InUse(root)) => Ok((database_url(&directory::socket_dir_of(&root)?), None)),
            Err(error) => Err(error),
        }
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

/// A libpq URL with the percent-encoded directory of the socket as its host.
fn database_url(socket_dir: &Path) -> String {
    let mut host = String::new();
    for byte in socket_dir.as_os_str().as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => host.push(char::from(*byte)),
            _ => host.push_str(&format!("%{byte:02X}")),
        }
    }
    // Every cluster has the database `postgres`. Creating another would be a second step that can be interrupted.
    format!("postgres://{USER}@{host}/postgres")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_directory_is_percent_encoded_in_the_url() {
        let url = database_url(Path::new("/var/lib/my data/é"));
        assert_eq!(url, "postgres://parlance@%2Fvar%2Flib%2Fmy%20data%2F%C3%A9/postgres");
    }
}
