//! `parlance restore`: all of a backup, or nothing.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::ChildStdin;

use bytes::Bytes;
use tokio::runtime::Runtime;

use super::archive::{self, Manifest, Part};
use super::error::BackupError;
use super::{BUFFER_BYTES, runtime};
use crate::config::Config;
use crate::db::{self, backups};
use crate::files::store::{self, Store};
use crate::postgres::{self, Clients, Cluster, ClusterError};

/// The folder in the data directory where files wait until the database is restored.
const STAGE: &str = "restoring";

/// Restores a backup. Returns what to say.
///
/// # Errors
/// [`BackupError`] says what is wrong. Nothing is restored then.
pub fn restore(config: &Config, file: &Path) -> Result<String, BackupError> {
    let read_failed = |reason| BackupError::Read { file: file.to_owned(), reason };
    let mut backup = Backup { path: file, file: File::open(file).map_err(read_failed)? };
    if config.external_database().is_none() && Cluster::exists(&config.data_dir) {
        return Err(ClusterError::HasData(config.data_dir.clone()).into());
    }
    if config.external_database().is_none() && has_foreign_entries(&config.data_dir) {
        return Err(BackupError::HasFiles(config.data_dir.clone()));
    }
    let mut stage = Stage::new(config)?;
    // All of it is read once before anything is changed.
    let manifest = backup.read(|part| match part {
        Part::Manifest(manifest) if !backups::knows_schema(&manifest.schema) => {
            Err(BackupError::Newer { file: file.to_owned(), version: manifest.server_version.clone() })
        }
        _ => Ok(()),
    })?;
    match config.external_database() {
        Some(url) => restore_into(config, url, &mut backup, &mut stage)?,
        None => Cluster::create(&config.private_postgres(), |url| {
            restore_into(config, url, &mut backup, &mut stage)
        })?,
    }
    stage.keep();
    let time = manifest.created_at.format("%Y-%m-%d %H:%M:%S UTC");
    Ok(format!("The backup of {time} is restored: start the server."))
}

/// Whether a directory has something that is not Parlance's. What a failed restore has left is.
fn has_foreign_entries(data_dir: &Path) -> bool {
    // The root of a file system has `lost+found`.
    let others = [store::FOLDER, STAGE, "lost+found"];
    let is_own = |name: &OsStr| postgres::ENTRIES.iter().chain(&others).any(|own| name == *own);
    let Ok(entries) = fs::read_dir(data_dir) else { return false };
    entries.flatten().any(|entry| !is_own(&entry.file_name()))
}

struct Backup<'a> {
    path: &'a Path,
    file: File,
}

impl Backup<'_> {
    fn read(
        &mut self,
        visit: impl FnMut(Part<'_>) -> Result<(), BackupError>,
    ) -> Result<Manifest, BackupError> {
        let rewound = self.file.rewind();
        rewound.map_err(|reason| BackupError::Read { file: self.path.to_owned(), reason })?;
        archive::read(self.path, BufReader::with_capacity(BUFFER_BYTES, &self.file), visit)
    }
}

fn restore_into(
    config: &Config,
    database_url: &str,
    backup: &mut Backup<'_>,
    stage: &mut Stage<'_>,
) -> Result<(), BackupError> {
    let mut conn = db::connect(database_url)?;
    let clients = Clients::find(config.postgres_bin_dir.as_deref(), backups::server_major(&mut conn)?)?;
    if !backups::begin_restore(&mut conn)? {
        return Err(BackupError::NotEmpty);
    }
    let restored = copy(database_url, &clients, backup, stage);
    if restored.is_err() {
        // If this fails, no server starts on the database.
        if let Err(error) = backups::abandon_restore(&mut conn) {
            tracing::warn!(%error, "empty the database before the next attempt");
        }
        return restored;
    }
    Ok(backups::finish_restore(&mut conn)?)
}

/// Copies the files into the store, and then the dump into the database, in one transaction: what rows name is there.
fn copy(
    database_url: &str,
    clients: &Clients,
    backup: &mut Backup<'_>,
    stage: &mut Stage<'_>,
) -> Result<(), BackupError> {
    let mut restoring = None;
    backup.read(|part| {
        match part {
            Part::Manifest(_) => {}
            Part::File(name, bytes) => stage.put(name, bytes)?,
            Part::Dump(bytes) => {
                if restoring.is_none() {
                    stage.publish()?;
                    let mut program = clients.restore(database_url)?;
                    let input = program.take_input();
                    restoring = Some((program, input));
                }
                if let Some((_, input)) = &mut restoring {
                    pass_on(bytes, input)?;
                }
            }
        }
        Ok(())
    })?;
    match restoring {
        Some((program, input)) => {
            drop(input);
            Ok(program.finish()?)
        }
        None => Ok(()),
    }
}

/// Passes bytes on to a program. If it does not read any more, it has ended, and will say why.
fn pass_on(bytes: &mut dyn Read, input: &mut Option<ChildStdin>) -> Result<(), BackupError> {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Some(program) = input {
        let count = read_full(bytes, &mut buffer)?;
        if count == 0 {
            break;
        }
        if program.write_all(&buffer[..count]).is_err() {
            *input = None;
        }
    }
    Ok(())
}

/// Reads until the buffer is full or the bytes end.
fn read_full(bytes: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, BackupError> {
    let mut count = 0;
    while count < buffer.len() {
        match bytes.read(&mut buffer[count..]) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(BackupError::Changed(error)),
        }
    }
    Ok(count)
}

/// The files of a backup, before and after they get into their place. If it is dropped before it is kept, none is left in a
/// folder. In a bucket they are harmless, and in their place when the backup is restored again.
struct Stage<'a> {
    config: &'a Config,
    /// The folder of files; `None` for a bucket.
    folder: Option<PathBuf>,
    store: Option<(Runtime, Store)>,
    is_published: bool,
}

impl<'a> Stage<'a> {
    /// Checks that there is room for the files, and changes nothing.
    fn new(config: &'a Config) -> Result<Self, BackupError> {
        let folder = match store::bucket(config.files.files.as_deref()) {
            Some(_) => None,
            None => Some(store::folder(&config.data_dir)),
        };
        if let Some(folder) = &folder
            && fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
        {
            return Err(BackupError::HasFiles(folder.clone()));
        }
        Ok(Self { config, folder, store: None, is_published: false })
    }

    fn directory(&self) -> PathBuf {
        self.config.data_dir.join(STAGE)
    }

    fn open(&mut self) -> Result<&(Runtime, Store), BackupError> {
        let opened = match self.store.take() {
            Some(opened) => opened,
            None => {
                let directory = self.directory();
                if self.folder.is_some() {
                    remove(&directory)?;
                }
                let store = Store::open(self.config.files.files.as_deref(), &directory, 0);
                (runtime()?, store.map_err(|error| BackupError::Files(error.to_string()))?)
            }
        };
        Ok(self.store.insert(opened))
    }

    fn put(&mut self, name: &str, bytes: &mut dyn Read) -> Result<(), BackupError> {
        let (runtime, store) = self.open()?;
        let mut buffer = vec![0; store.part_bytes()];
        let mut incoming = None;
        loop {
            let count = read_full(bytes, &mut buffer)?;
            let part = Bytes::copy_from_slice(&buffer[..count]);
            let is_last = count < buffer.len();
            match &mut incoming {
                None if is_last => {
                    runtime.block_on(store.put(name, part))?;
                    return Ok(());
                }
                None => {
                    runtime.block_on(incoming.insert(runtime.block_on(store.receive(name))?).push(part))?
                }
                Some(incoming) if count > 0 => runtime.block_on(incoming.push(part))?,
                Some(_) => {}
            }
            if is_last {
                break;
            }
        }
        match incoming {
            Some(incoming) => Ok(runtime.block_on(incoming.complete())?),
            None => Ok(()),
        }
    }

    /// Puts the files into their place.
    fn publish(&mut self) -> Result<(), BackupError> {
        if let (Some(folder), Some(_)) = (&self.folder, &self.store) {
            let directory = self.directory();
            fs::rename(store::folder(&directory), folder)
                .and_then(|()| File::open(&self.config.data_dir)?.sync_all())
                .map_err(|error| BackupError::Files(format!("{}: {error}", folder.display())))?;
            self.is_published = true;
        }
        Ok(())
    }

    /// Keeps the files, now that the database is restored.
    fn keep(&mut self) {
        self.is_published = false;
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        let Some(folder) = &self.folder else { return };
        let published = self.is_published.then_some(folder);
        let staged = self.store.is_some().then(|| self.directory());
        for directory in published.into_iter().chain(&staged) {
            if let Err(error) = remove(directory) {
                tracing::warn!(%error, "something is left of the restore");
            }
        }
    }
}

fn remove(directory: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(BackupError::Files(format!("{}: {error}", directory.display())))
        }
        _ => Ok(()),
    }
}
