//! The data directory: its lock, its layout, and the creation of the cluster in it.
//!
//! ```text
//! <data dir>/parlance.lock        held by the running server
//! <data dir>/postgres.log         the log of Postgres
//! <data dir>/postgres/            owned by the account that runs Postgres, with everything below
//! <data dir>/postgres/cluster     the cluster, put there by a rename when it is complete
//! <data dir>/postgres/creating-…  a cluster that is being created, or the rest of an interrupted creation
//! <data dir>/postgres/socket      the directory of the Unix socket, if its path is short enough
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::account::Account;
use super::error::{ClusterError, last_lines};
use super::orphans;
use super::postmaster::pid_of;
use super::programs::Programs;
use super::watchdog::Watchdog;

/// The database superuser. It needs no password, because no other account can reach the socket.
pub(super) const USER: &str = "parlance";
/// What a private cluster has in the data directory.
pub const ENTRIES: [&str; 4] = ["postgres", "postgres.log", "postgres.log.1", "parlance.lock"];
/// The kernel's limit for the path of a Unix socket, without the terminating NUL.
const MAX_SOCKET_PATH: usize = 107;
/// The name of the socket in its directory; Postgres derives it from the port.
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// A log above this size is rotated at the next start.
const MAX_LOG_BYTES: u64 = 1 << 20;
/// How long the removal of an interrupted creation is retried while its `initdb` still writes.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A data directory that this process has locked.
#[derive(Debug)]
pub(super) struct Directory {
    root: PathBuf,
    lock: File,
}

/// The directory of the cluster in a data directory.
pub(super) fn cluster_in(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres").join("cluster")
}

impl Directory {
    /// Creates the directory if necessary and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, ClusterError> {
        let not_writable = |reason| ClusterError::NotWritable { directory: path.to_owned(), reason };
        // Other accounts may pass through it, as the one that runs Postgres must, but not list it.
        DirBuilder::new().recursive(true).mode(0o711).create(path).map_err(not_writable)?;
        let root = fs::canonicalize(path).map_err(not_writable)?;
        let lock_file = root.join("parlance.lock");
        let lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_file)
            .map_err(not_writable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root, lock }),
            Err(TryLockError::WouldBlock) => Err(ClusterError::InUse(root)),
            Err(TryLockError::Error(reason)) => Err(not_writable(reason)),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn cluster(&self) -> PathBuf {
        cluster_in(&self.root)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    fn postgres_dir(&self) -> PathBuf {
        self.root.join("postgres")
    }

    /// The major version of the cluster, if there is one.
    pub(super) fn cluster_major(&self) -> Option<u32> {
        fs::read_to_string(self.cluster().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// The user and group that own the cluster, if there is one.
    pub(super) fn cluster_owner(&self) -> Option<(u32, u32)> {
        fs::metadata(self.cluster()).ok().map(|metadata| (metadata.uid(), metadata.gid()))
    }

    /// Creates the directories, removes the rest of an interrupted creation and rotates the log. Returns the directory of
    /// the socket.
    pub(super) fn prepare(&self, account: &Account) -> Result<PathBuf, ClusterError> {
        let postgres_dir = self.postgres_dir();
        let not_writable = |reason| ClusterError::NotWritable { directory: postgres_dir.clone(), reason };
        make_private_dir(&postgres_dir, account).map_err(not_writable)?;
        if !account.can_enter(&postgres_dir) {
            // The data directory is closed to other accounts: allow them to pass through it.
            let mode = fs::metadata(&self.root).map_err(not_writable)?.permissions().mode();
            fs::set_permissions(&self.root, Permissions::from_mode(mode | 0o011)).map_err(not_writable)?;
            if !account.can_enter(&postgres_dir) {
                return Err(ClusterError::Unreachable {
                    directory: self.root.clone(),
                    account: account.name().to_owned(),
                });
            }
        }
        self.remove_interrupted().map_err(not_writable)?;
        self.rotate_log();

        let socket_dir = socket_dir_of(&self.root)?;
        make_private_dir(&socket_dir, account).map_err(|_| ClusterError::SocketPath(socket_dir.clone()))?;
        Ok(socket_dir)
    }

    fn remove_interrupted(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.postgres_dir())? {
            let entry = entry?;
            if entry.file_name().as_bytes().starts_with(b"creating-") {
                tracing::info!(directory = %entry.path().display(), "removing an incomplete database");
                // A backup may have been restored into it by a process that was killed.
                orphans::stop(&entry.path(), || false);
                remove_while_written(&entry.path())?;
            }
        }
        Ok(())
    }

    fn rotate_log(&self) {
        let log = self.log();
        if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > MAX_LOG_BYTES) {
            // A failure is harmless: the next start tries again.
            let _ = fs::rename(&log, self.root.join("postgres.log.1"));
        }
    }

    /// Creates the cluster under a temporary name, so that an interrupted creation leaves nothing that looks like a cluster.
    pub(super) fn create_cluster(
        &self,
        programs: &Programs,
        account: &Account,
    ) -> Result<Creating<'_>, ClusterError> {
        tracing::info!(directory = %self.cluster().display(), "creating the database");
        let path = self.postgres_dir().join(format!("creating-{}", std::process::id()));
        let creating = Creating { directory: self, path };
        let program = programs.bin_dir.join("initdb");
        let program_error = |reason| ClusterError::Program { program: program.clone(), reason };

        let mut watchdog = Watchdog::spawn(account).map_err(program_error)?;
        let initdb = account
            .command(&program)
            .arg("--pgdata")
            .arg(creating.path())
            .args(["--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--data-checksums", "--no-instructions"])
            .stderr(Stdio::piped())
            .spawn()
            .map_err(program_error)?;
        watchdog.arm(pid_of(&initdb)).map_err(program_error)?;
        let output = initdb.wait_with_output().map_err(program_error)?;
        watchdog.disarm();
        if !output.status.success() {
            return Err(ClusterError::Create {
                directory: self.cluster(),
                output: last_lines(&String::from_utf8_lossy(&output.stderr), 3),
            });
        }
        Ok(creating)
    }
}

/// A cluster that is not complete. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Creating<'a> {
    directory: &'a Directory,
    path: PathBuf,
}

impl Creating<'_> {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it the cluster of the directory. Postgres does not run in it.
    pub(super) fn complete(self) -> Result<(), ClusterError> {
        let cluster = self.directory.cluster();
        let not_writable = |reason| ClusterError::NotWritable { directory: cluster.clone(), reason };
        fs::rename(&self.path, &cluster).map_err(not_writable)?;
        File::open(self.directory.postgres_dir())
            .and_then(|directory| directory.sync_all())
            .map_err(not_writable)
    }
}

impl Drop for Creating<'_> {
    /// What was completed has another name.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Drop for Directory {
    /// Unlocks explicitly. Closing the file would not release the lock while a child that another thread has just forked,
    /// and that has not executed its program yet, still has a copy of the descriptor (flock(2)).
    fn drop(&mut self) {
        if let Err(reason) = self.lock.unlock() {
            tracing::warn!(%reason, directory = %self.root.display(), "the data directory stays locked");
        }
    }
}

/// Removes a directory in which an `initdb` may still write while its watchdog stops it.
fn remove_while_written(path: &Path) -> io::Result<()> {
    let started = Instant::now();
    loop {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) if started.elapsed() < REMOVE_TIMEOUT => thread::sleep(Duration::from_millis(20)),
            result => return result,
        }
    }
}

/// Creates a directory that only the account can enter. An existing one must have the same owner and permissions.
fn make_private_dir(path: &Path, account: &Account) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => account.take_ownership(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(path)?;
            // A start that was killed between the creation and the change of owner leaves root's empty directory.
            if metadata.is_dir() && account.has_yet_to_own(&metadata) {
                account.take_ownership(path)?;
            }
            let metadata = fs::symlink_metadata(path)?;
            if metadata.is_dir() && account.owns(&metadata) && metadata.mode() & 0o077 == 0 {
                Ok(())
            } else {
                Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "it belongs to another account or is open to others",
                ))
            }
        }
        Err(error) => Err(error),
    }
}

/// The directory of the socket of a cluster, by its data directory.
pub(super) fn socket_dir_of(root: &Path) -> Result<PathBuf, ClusterError> {
    let postgres_dir = root.join("postgres");
    let bases = [std::env::temp_dir(), PathBuf::from("/tmp")];
    socket_dir(&postgres_dir, &bases).ok_or(ClusterError::SocketPath(postgres_dir))
}

/// The directory of the Unix socket: in the directory of Postgres if the path fits, else in the first of `bases` where
/// it fits, with a name that is the same at every start. To libpq, a comma separates hosts.
fn socket_dir(postgres_dir: &Path, bases: &[PathBuf]) -> Option<PathBuf> {
    let mut hasher = DefaultHasher::new();
    postgres_dir.hash(&mut hasher);
    let name = format!("parlance-{:016x}", hasher.finish());
    std::iter::once(postgres_dir.join("socket"))
        .chain(bases.iter().map(|base| base.join(&name)))
        .filter(|dir| dir.is_absolute() && !dir.as_os_str().as_bytes().contains(&b','))
        .find(|dir| dir.as_os_str().len() + 1 + SOCKET_NAME.len() <= MAX_SOCKET_PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_unlocked_although_a_forked_child_still_has_the_lock_file_open() {
        let path = std::env::temp_dir().join(format!("parlance-lock-{}", std::process::id()));
        let held = Directory::open(&path).expect("free");
        let copy_of_child = held.lock.try_clone().expect("a descriptor");
        assert!(matches!(Directory::open(&path), Err(ClusterError::InUse(_))));
        drop(held);
        Directory::open(&path).expect("free again");
        drop(copy_of_child);
        fs::remove_dir_all(&path).expect("ours");
    }

    #[test]
    fn the_socket_lies_in_the_data_directory_when_its_path_fits() {
        assert_eq!(
            socket_dir(Path::new("/data/postgres"), &[]),
            Some(PathBuf::from("/data/postgres/socket"))
        );
        let longest = format!("/{}", "d".repeat(MAX_SOCKET_PATH - "//socket/".len() - SOCKET_NAME.len()));
        let dir = socket_dir(Path::new(&longest), &[]).expect("just fits");
        assert_eq!(dir.join(SOCKET_NAME).as_os_str().len(), MAX_SOCKET_PATH);
        assert_eq!(socket_dir(Path::new(&format!("{longest}d")), &[]), None);
        assert_eq!(socket_dir(Path::new("/a,b/postgres"), &[]), None);
    }

    #[test]
    fn a_long_data_directory_has_its_own_socket_directory_elsewhere() {
        let long = format!("/{}", "d".repeat(120));
        let bases = [PathBuf::from(format!("/{}", "t".repeat(120))), PathBuf::from("/tmp")];
        let dir = socket_dir(Path::new(&long), &bases).expect("the second base is short");
        assert!(dir.starts_with("/tmp"));
        assert_eq!(socket_dir(Path::new(&long), &bases), Some(dir.clone()));
        assert_ne!(socket_dir(Path::new(&format!("{long}x")), &bases), Some(dir));
    }
}
