//! Why there is no backup, or why it was not restored.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::db::DbError;
use crate::files::store::StoreError;
use crate::postgres::{ClientError, ClusterError};

/// Why a command failed. Each message says what to do.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The private Postgres does not start.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// `pg_dump` or `pg_restore` failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The database cannot be reached, or was never set up.
    #[error("Cannot use the database: {0}. If it is new, start the server once.")]
    Database(DbError),
    /// There is a file of this name.
    #[error("{} exists: choose another name for the backup.", .0.display())]
    Exists(PathBuf),
    /// The backup cannot be written.
    #[error("Cannot write the backup to {to}: {reason}. Make room for it, or write it elsewhere.")]
    Write {
        /// The file or the standard output.
        to: String,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// The backup cannot be read.
    #[error("Cannot read {}: {reason}. Name the file of a backup.", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// The standard output is a terminal.
    #[error("A backup is nothing to look at: name a file, or pipe the output into one.")]
    Terminal,
    /// The store of files cannot be used.
    #[error("Cannot use the store of files: {0}. Name it with --data-dir or --files.")]
    Files(String),
    /// No file is in the store.
    #[error(
        "None of the {0} uploaded files is in this store: name that of the server with --data-dir or --files."
    )]
    OtherStore(u64),
    /// It is no backup.
    #[error("{} is no backup of Parlance: name a file that `parlance backup` wrote.", .0.display())]
    NoBackup(PathBuf),
    /// It is incomplete, or was changed.
    #[error("The backup {} is incomplete or damaged, and nothing was restored: use another one.", .0.display())]
    Damaged(PathBuf),
    /// It cannot be read a second time.
    #[error("The backup cannot be read any more ({0}), and nothing was restored: copy it to this machine.")]
    Changed(io::Error),
    /// A newer version wrote it.
    #[error(
        "The backup {} was written by version {version}, which is newer than this program: restore it with that \
         version.", .file.display()
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// The version of the server.
        version: String,
    },
    /// There are tables in the database.
    #[error("The database of DATABASE_URL is not empty: restore into an empty one.")]
    NotEmpty,
    /// There are files where none must be.
    #[error("There are files in {}: restore into an empty directory, named with --data-dir.", .0.display())]
    HasFiles(PathBuf),
}

impl BackupError {
    pub(super) fn write(file: &Path, reason: io::Error) -> Self {
        match reason.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists(file.to_owned()),
            _ => Self::Write { to: file.display().to_string(), reason },
        }
    }
}

impl From<DbError> for BackupError {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Files(error.to_string())
    }
}
