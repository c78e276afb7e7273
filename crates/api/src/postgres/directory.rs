//! The data directory: its lock, its layout, and the creation of the cluster in it.
//!
//! ```text
//! <data dir>/parlance.lock        held by the running server
//! <data dir>/postgres.log         what Postgres says
//! <data dir>/postgres/            everything below belongs to the account that runs Postgres
//! <data dir>/postgres/cluster     the cluster; it appears whole, by a rename
//! <data dir>/postgres/creating-…  a cluster in the making, or what an interrupted start left of it
//! <data dir>/postgres/socket      where it listens, if the path is short enough
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
use super::postmaster::Guard;
use super::programs::Programs;
use super::{ClusterError, USER, last_lines};

/// The kernel's limit for the path of a Unix socket, without the closing NUL.
const MAX_SOCKET_PATH: usize = 107;
/// What Postgres calls the socket in its folder.
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// Past this size the log of earlier runs is set aside, once.
const MAX_LOG_BYTES: u64 = 1 << 20;

/// A data directory that is ours alone.
#[derive(Debug)]
pub(super) struct Directory {
    root: PathBuf,
    lock: File,
}

impl Directory {
    /// Creates the directory if need be and takes it for this process.
    pub(super) fn open(path: &Path) -> Result<Self, ClusterError> {
        let not_writable = |reason| ClusterError::NotWritable { directory: path.to_owned(), reason };
        // Others may pass through, as the account that runs Postgres must; they can list nothing.
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
        self.home().join("cluster")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    fn home(&self) -> PathBuf {
        self.root.join("postgres")
    }

    /// The major version of the cluster, if there is one.
    pub(super) fn cluster_major(&self) -> Option<u32> {
        fs::read_to_string(self.cluster().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// User and group of the cluster, if there is one.
    pub(super) fn cluster_owner(&self) -> Option<(u32, u32)> {
        fs::metadata(self.cluster()).ok().map(|metadata| (metadata.uid(), metadata.gid()))
    }

    /// Makes the folders, clears what an interrupted start left, sets a long log aside; returns the socket's folder.
    pub(super) fn prepare(&self, account: &Account) -> Result<PathBuf, ClusterError> {
        let home = self.home();
        let not_writable = |reason| ClusterError::NotWritable { directory: home.clone(), reason };
        make_private_dir(&home, account).map_err(not_writable)?;
        if !account.can_enter(&home) {
            // Root's private folders are closed to everybody: open a way through the one that is ours.
            let mode = fs::metadata(&self.root).map_err(not_writable)?.permissions().mode();
            fs::set_permissions(&self.root, Permissions::from_mode(mode | 0o011)).map_err(not_writable)?;
            if !account.can_enter(&home) {
                return Err(ClusterError::Unreachable {
                    directory: self.root.clone(),
                    account: account.name().to_owned(),
                });
            }
        }
        self.clear_interrupted().map_err(not_writable)?;
        self.rotate_log();

        let bases = [std::env::temp_dir(), PathBuf::from("/tmp")];
        let socket_dir = socket_dir(&home, &bases).ok_or_else(|| ClusterError::SocketPath(home.clone()))?;
        make_private_dir(&socket_dir, account).map_err(|_| ClusterError::SocketPath(socket_dir.clone()))?;
        Ok(socket_dir)
    }

    fn clear_interrupted(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.home())? {
            let entry = entry?;
            if entry.file_name().as_bytes().starts_with(b"creating-") {
                tracing::info!(directory = %entry.path().display(), "removing a database that was never finished");
                remove_while_written(&entry.path())?;
            }
        }
        Ok(())
    }

    fn rotate_log(&self) {
        let log = self.log();
        if fs::metadata(&log).is_ok_and(|metadata| metadata.len() > MAX_LOG_BYTES) {
            // A log that stays long harms nobody; the next start tries again.
            let _ = fs::rename(&log, self.root.join("postgres.log.1"));
        }
    }

    /// Creates the cluster beside its place and moves it there when it is whole, so that a start that is killed half
    /// way leaves nothing that looks like a cluster.
    pub(super) fn create_cluster(&self, programs: &Programs, account: &Account) -> Result<(), ClusterError> {
        tracing::info!(directory = %self.cluster().display(), "creating the database");
        let cluster = self.cluster();
        let creating = self.home().join(format!("creating-{}", std::process::id()));
        let not_writable = |reason| ClusterError::NotWritable { directory: cluster.clone(), reason };
        let program = programs.bin_dir.join("initdb");
        let not_run = |reason| ClusterError::Program { program: program.clone(), reason };

        let mut guard = Guard::stand_by(account).map_err(not_run)?;
        let initdb = account
            .command(&program)
            .arg("--pgdata")
            .arg(&creating)
            .args(["--username", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--data-checksums", "--no-instructions"])
            .stderr(Stdio::piped())
            .spawn()
            .map_err(not_run)?;
        guard.watch(initdb.id()).map_err(not_run)?;
        let output = initdb.wait_with_output().map_err(not_run)?;
        guard.dismiss();
        if !output.status.success() {
            let _ = fs::remove_dir_all(&creating);
            return Err(ClusterError::Create {
                directory: cluster.clone(),
                output: last_lines(&String::from_utf8_lossy(&output.stderr), 3),
            });
        }
        fs::rename(&creating, &cluster).map_err(not_writable)?;
        File::open(self.home()).and_then(|home| home.sync_all()).map_err(not_writable)
    }
}

impl Drop for Directory {
    /// Gives the lock back by name: closing the file would not while a child that another thread just forked, and that
    /// has not executed its program yet, still has a copy of it open (flock(2)).
    fn drop(&mut self) {
        if let Err(reason) = self.lock.unlock() {
            tracing::warn!(%reason, directory = %self.root.display(), "the data directory stays locked");
        }
    }
}

/// Removes a folder in which an `initdb` that its guard is stopping may still be at work.
fn remove_while_written(path: &Path) -> io::Result<()> {
    let started = Instant::now();
    loop {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) if started.elapsed() < Duration::from_secs(5) => thread::sleep(Duration::from_millis(20)),
            result => return result,
        }
    }
}

/// A folder that only the account can enter; one that is there already must be just that.
fn make_private_dir(path: &Path, account: &Account) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => account.give(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(path)?;
            // A start that was killed between making and giving leaves root's own empty folder.
            if metadata.is_dir() && account.may_be_given(&metadata) {
                account.give(path)?;
            }
            let metadata = fs::symlink_metadata(path)?;
            if metadata.is_dir() && account.owns(&metadata) && metadata.mode() & 0o077 == 0 {
                Ok(())
            } else {
                Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to somebody else"))
            }
        }
        Err(error) => Err(error),
    }
}

/// Where Postgres listens: in its own folder if the path fits, else in the first of `bases` where it does, by a name
/// that is the same at every start.
fn socket_dir(home: &Path, bases: &[PathBuf]) -> Option<PathBuf> {
    let mut hasher = DefaultHasher::new();
    home.hash(&mut hasher);
    let name = format!("parlance-{:016x}", hasher.finish());
    std::iter::once(home.join("socket"))
        .chain(bases.iter().map(|base| base.join(&name)))
        .find(|dir| dir.is_absolute() && dir.as_os_str().len() + 1 + SOCKET_NAME.len() <= MAX_SOCKET_PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_free_again_although_a_forked_child_still_has_its_lock_open() {
        let path = std::env::temp_dir().join(format!("parlance-lock-{}", std::process::id()));
        let held = Directory::open(&path).expect("free");
        let childs_copy = held.lock.try_clone().expect("a descriptor");
        assert!(matches!(Directory::open(&path), Err(ClusterError::InUse(_))));
        drop(held);
        Directory::open(&path).expect("free again");
        drop(childs_copy);
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
    }

    #[test]
    fn a_long_data_directory_has_its_own_socket_folder_elsewhere() {
        let long = format!("/{}", "d".repeat(120));
        let bases = [PathBuf::from(format!("/{}", "t".repeat(120))), PathBuf::from("/tmp")];
        let dir = socket_dir(Path::new(&long), &bases).expect("the second base is short");
        assert!(dir.starts_with("/tmp"));
        assert_eq!(socket_dir(Path::new(&long), &bases), Some(dir.clone()));
        assert_ne!(socket_dir(Path::new(&format!("{long}x")), &bases), Some(dir));
    }
}
