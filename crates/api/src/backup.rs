//! `parlance backup` and `parlance restore`: everything in one file, as it was at one moment.
//!
//! A transaction fixes the moment: `pg_dump` reads the database as of then, and the files are those that have rows then.
//! They are there until the backup has ended, because the janitor deletes no bytes until then. [`archive`] is the file.

mod archive;
mod error;
mod output;
mod restore;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use bytes::Bytes;
use tokio::runtime::Runtime;

use self::archive::{Manifest, Writer};
pub use self::error::BackupError;
use self::output::Output;
pub use self::restore::restore;
use crate::clock;
use crate::config::Config;
use crate::db::backups::{self, Moment};
use crate::db::{self, Conn};
use crate::files::key::{self, FileKey};
use crate::files::store::{Store, StoreError};
use crate::postgres::{Clients, Cluster};

/// How many bytes are read from the store, and written to the backup, at once.
const BUFFER_BYTES: usize = 1024 * 1024;
/// How many keys of files one query reads.
const PAGE: i64 = 1_000;
/// The niceness of a backup, so that it does not hold up a server on this machine.
const NICENESS: i32 = 10;

/// What a backup has.
struct Written {
    files: u64,
    missing: u64,
}

/// Writes a backup into a new file. Returns what to say.
///
/// # Errors
/// [`BackupError`] says what is wrong. There is no file then.
pub fn to_file(config: &Config, path: &Path) -> Result<String, BackupError> {
    let failed = |reason| BackupError::write(path, reason);
    let output = Output::create(path).map_err(failed)?;
    let buffer = BufWriter::with_capacity(BUFFER_BYTES, output.file());
    let Written { files, missing } = write(config, buffer, failed)?;
    output.publish().map_err(failed)?;
    let mut said = format!("The backup is in {}, with {files} uploaded files.", path.display());
    if missing > 0 {
        said.push_str(&format!(" {missing} more were lost before: the store does not have them."));
    }
    Ok(said)
}

/// Writes a backup to the standard output. Returns an empty text.
///
/// # Errors
/// [`BackupError`] says what is wrong. What was written is no complete backup then.
pub fn to_stdout(config: &Config) -> Result<String, BackupError> {
    let failed = |reason| BackupError::Write { to: "the standard output".to_owned(), reason };
    let stdout = io::stdout();
    if stdout.is_terminal() {
        return Err(BackupError::Terminal);
    }
    // Not by lines.
    let stdout = File::from(stdout.as_fd().try_clone_to_owned().map_err(failed)?);
    write(config, BufWriter::with_capacity(BUFFER_BYTES, stdout), failed)?;
    Ok(String::new())
}

fn write(
    config: &Config,
    output: impl Write,
    failed: impl Fn(io::Error) -> BackupError,
) -> Result<Written, BackupError> {
    let (url, cluster) = match config.external_database() {
        Some(url) => (url.to_owned(), None),
        None => Cluster::start_or_find(&config.private_postgres())?,
    };
    let written = write_database(config, &url, output, failed);
    if let Some(cluster) = cluster {
        cluster.stop();
    }
    written
}

fn write_database(
    config: &Config,
    database_url: &str,
    output: impl Write,
    failed: impl Fn(io::Error) -> BackupError,
) -> Result<Written, BackupError> {
    // `pg_dump` inherits it.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the backup runs at the priority of everything else");
    }
    let mut conn = db::connect(database_url)?;
    let clients = Clients::find(config.postgres_bin_dir.as_deref(), backups::server_major(&mut conn)?)?;
    // Until the connection is closed.
    let moment = backups::begin(&mut conn)?;
    let manifest = Manifest::new(env!("CARGO_PKG_VERSION"), moment.schema.clone(), clock::now());
    let mut writer = Writer::begin(output, &manifest).map_err(&failed)?;
    let written = write_files(config, &mut conn, &moment, &mut writer, &failed)?;
    let mut dump = clients.dump(database_url, &moment.snapshot)?;
    if let Some(bytes) = dump.take_output() {
        writer.dump(bytes).map_err(&failed)?;
    }
    dump.finish()?;
    writer.finish().and_then(|mut output| output.flush()).map_err(failed)?;
    Ok(written)
}

fn write_files(
    config: &Config,
    conn: &mut Conn,
    moment: &Moment,
    writer: &mut Writer<impl Write>,
    failed: impl Fn(io::Error) -> BackupError,
) -> Result<Written, BackupError> {
    let mut written = Written { files: 0, missing: 0 };
    let mut page = backups::list_files(conn, moment, "", PAGE)?;
    if page.is_empty() {
        return Ok(written);
    }
    let store = Store::find(config.files.files.as_deref(), &config.data_dir)
        .map_err(|error| BackupError::Files(error.to_string()))?;
    let runtime = runtime()?;
    while let Some(last) = page.last() {
        let after = last.key.clone();
        for row in page {
            let Some(key) = FileKey::parse(&row.key) else { continue };
            for name in key::stored_names(key, row.has_thumbnail) {
                let size = match runtime.block_on(store.size(&name)) {
                    Ok(size) => size,
                    Err(StoreError::NotFound) => {
                        tracing::warn!(name, "the store does not have this file");
                        written.missing += 1;
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
                let bytes = Stored {
                    runtime: &runtime,
                    store: &store,
                    name: &name,
                    read: 0,
                    size,
                    chunk: Bytes::new(),
                };
                writer.file(&name, size, bytes).map_err(|error| match error.downcast::<StoreError>() {
                    Ok(error) => error.into(),
                    Err(error) => failed(error),
                })?;
                written.files += 1;
            }
        }
        page = backups::list_files(conn, moment, &after, PAGE)?;
    }
    if written.files == 0 { Err(BackupError::OtherStore(written.missing)) } else { Ok(written) }
}

/// A runtime for the store.
fn runtime() -> Result<Runtime, BackupError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| BackupError::Files(error.to_string()))
}

/// The bytes of a file in the store.
struct Stored<'a> {
    runtime: &'a Runtime,
    store: &'a Store,
    name: &'a str,
    /// How many bytes were read from the store.
    read: u64,
    size: u64,
    /// Those that were not taken yet.
    chunk: Bytes,
}

impl Read for Stored<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() && self.read < self.size {
            let end = self.size.min(self.read + BUFFER_BYTES as u64);
            let read = self.runtime.block_on(self.store.read(self.name, self.read..end));
            self.chunk = read.map_err(io::Error::other)?;
            self.read = end;
        }
        let taken = self.chunk.split_to(self.chunk.len().min(buffer.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}
