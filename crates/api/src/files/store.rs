//! Where the bytes of files are: a folder in the data directory, or a bucket. A file is written under a temporary name and
//! renamed, so it is there as a whole or not at all.

use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
#[cfg(feature = "s3")]
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
#[cfg(feature = "s3")]
use object_store::prefix::PrefixStore;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use thiserror::Error;

use super::key;

/// The folder in the data directory.
pub const FOLDER: &str = "files";
/// Who may read the folder: its owner.
const FOLDER_MODE: u32 = 0o700;
/// How many bytes are written to a bucket at once: S3 takes no smaller parts.
#[cfg(feature = "s3")]
const BUCKET_PART_BYTES: usize = 5 * 1024 * 1024;
/// What is looked for when a bucket is opened. No file is below it.
#[cfg(feature = "s3")]
const PROBE: &str = "probe";
/// How many bytes are written to a folder at once.
const FOLDER_PART_BYTES: usize = 256 * 1024;
/// What separates the name of a file from the number of its unfinished upload, in folders.
const UNFINISHED: char = '#';

/// Why the store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It has no room.
    #[error("the store has no room")]
    Full,
    /// It has no such file.
    #[error("the store has no such file")]
    NotFound,
    /// Any other failure.
    #[error("the store failed: {0}")]
    Failed(String),
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        if let object_store::Error::NotFound { .. } = error {
            return Self::NotFound;
        }
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(error) = source {
            if error.downcast_ref::<io::Error>().is_some_and(|error| {
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }) {
                return Self::Full;
            }
            source = error.source();
        }
        Self::Failed(error.to_string())
    }
}

/// The folder of files in a data directory.
pub fn folder(data_dir: &FsPath) -> PathBuf {
    data_dir.join(FOLDER)
}

/// The location of a bucket; `None` for the folder.
pub fn bucket(location: Option<&str>) -> Option<&str> {
    location.filter(|location| !location.trim().is_empty())
}

fn of_folder(folder: &FsPath, error: &io::Error) -> io::Error {
    let hint = "choose another directory with --data-dir";
    io::Error::new(error.kind(), format!("{}: {error}; {hint}", folder.display()))
}

/// The store.
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// The folder; `None` for a bucket.
    folder: Option<PathBuf>,
    part_bytes: usize,
    least_free: u64,
}

impl Store {
    /// Opens the store: the folder in the data directory, or what `location` names. `least_free` bytes of the disk stay
    /// free.
    ///
    /// # Errors
    /// If the folder cannot be made, or the location is not understood.
    pub fn open(location: Option<&str>, data_dir: &FsPath, least_free: u64) -> io::Result<Self> {
        if let Some(location) = bucket(location) {
            return Self::open_bucket(location);
        }
        let folder = folder(data_dir);
        let prepared = fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder);
        prepared.and_then(|()| delete_unfinished(&folder)).map_err(|error| of_folder(&folder, &error))?;
        Self::open_folder(folder, least_free)
    }

    /// Opens the store that a server may be using: nothing is made and nothing deleted.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(location: Option<&str>, data_dir: &FsPath) -> io::Result<Self> {
        match bucket(location) {
            Some(location) => Self::open_bucket(location),
            None => Self::open_folder(folder(data_dir), 0),
        }
    }

    fn open_folder(folder: PathBuf, least_free: u64) -> io::Result<Self> {
        // The library would name no reason.
        fs::metadata(&folder).map_err(|error| of_folder(&folder, &error))?;
        // What a message takes is on disk before the message is acknowledged.
        let objects = LocalFileSystem::new_with_prefix(&folder).map_err(io::Error::other)?.with_fsync(true);
        Ok(Self {
            objects: Arc::new(objects),
            folder: Some(folder),
            part_bytes: FOLDER_PART_BYTES,
            least_free,
        })
    }

    #[cfg(not(feature = "s3"))]
    fn open_bucket(location: &str) -> io::Result<Self> {
        let hint = "this program was built without buckets: build it with --features s3";
        Err(io::Error::other(format!("{location}: {hint}")))
    }

    /// Opens a bucket with the usual variables of AWS, such as `AWS_ACCESS_KEY_ID` and `AWS_ENDPOINT_URL`.
    #[cfg(feature = "s3")]
    fn open_bucket(location: &str) -> io::Result<Self> {
        let refused = |reason: String| io::Error::other(format!("{location}: {reason}"));
        let path = location.strip_prefix("s3://").unwrap_or_default();
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        if bucket.is_empty() {
            return Err(refused("the location must be like s3://bucket/prefix".to_owned()));
        }
        // An error means that the process has a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bucket = AmazonS3Builder::from_env().with_bucket_name(bucket).with_allow_http(true).build();
        let objects = PrefixStore::new(bucket.map_err(|error| refused(error.to_string()))?, prefix);
        let store =
            Self { objects: Arc::new(objects), folder: None, part_bytes: BUCKET_PART_BYTES, least_free: 0 };
        // Whether it is there and may be used: better now than at the first upload.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listed = runtime.block_on(store.objects.list_with_delimiter(Some(&Path::from(PROBE))));
        listed.map(|_| store).map_err(|error| refused(error.to_string()))
    }

    /// How many bytes are best written at once.
    pub fn part_bytes(&self) -> usize {
        self.part_bytes
    }

    /// Checks that the disk has room for more files.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn check_space(&self) -> Result<(), StoreError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        match rustix::fs::statvfs(folder) {
            Ok(disk) if disk.f_bavail.saturating_mul(disk.f_frsize) < self.least_free => {
                Err(StoreError::Full)
            }
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::Failed(error.to_string())),
        }
    }

    /// Begins a file of this name.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn receive(&self, name: &str) -> Result<Incoming, StoreError> {
        Ok(Incoming { upload: self.objects.put_multipart(&location(name)).await? })
    }

    /// Stores a file, in place of one of that name.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.objects.put(&location(name), PutPayload::from_bytes(bytes)).await?;
        Ok(())
    }

    /// Reads a range of a file.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such file.
    pub async fn read(&self, name: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        Ok(self.objects.get_range(&location(name), range).await?)
    }

    /// How many bytes a file has.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such file.
    pub async fn size(&self, name: &str) -> Result<u64, StoreError> {
        Ok(self.objects.head(&location(name)).await?.size)
    }

    /// Deletes all that is stored under a key.
    ///
    /// # Errors
    /// If it cannot be deleted.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        for name in key::names(key) {
            match self.objects.delete(&location(&name)).await.map_err(StoreError::from) {
                Ok(()) | Err(StoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A file that is being written. If it is dropped, what was written is deleted.
pub struct Incoming {
    upload: Box<dyn MultipartUpload>,
}

impl Incoming {
    /// Writes the next bytes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub async fn push(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        Ok(self.upload.put_part(PutPayload::from_bytes(bytes)).await?)
    }

    /// Makes the file visible.
    ///
    /// # Errors
    /// If it cannot be.
    pub async fn complete(mut self) -> Result<(), StoreError> {
        self.upload.complete().await?;
        Ok(())
    }
}

/// A folder for each two letters, because directories of many thousands of files are slow to list.
fn location(name: &str) -> Path {
    let folder = name.get(1..3).unwrap_or_default();
    Path::from_iter([folder, name])
}

/// Deletes what uploads left behind that a former process did not finish.
fn delete_unfinished(folder: &FsPath) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            delete_unfinished(&path)?;
        } else if path.file_name().is_some_and(|name| name.to_string_lossy().contains(UNFINISHED)) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
