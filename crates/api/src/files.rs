//! Files: the attachments of messages, and the pictures of users and rooms.
//!
//! One pipeline: bytes stream into the store; their type is judged by content; images are decoded within bounds, on
//! threads of their own, and lose their metadata. [`store`] holds bytes by random keys, and knows nothing of rights;
//! `http::files` serves them.

pub mod image;
pub mod key;
pub mod kind;
pub mod metadata;
pub mod name;
pub mod quota;
pub mod store;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::image::{ImageError, Picture};
use self::key::FileKey;
use self::kind::{ImageKind, Judge, Kind};
use self::quota::Quota;
use self::store::{Incoming, Store, StoreError};
use crate::config::Config;
use crate::threads::Threads;

/// The maximal size of the picture of a user or room, in bytes.
pub const MAX_AVATAR_BYTES: u64 = 5 * 1024 * 1024;
/// How long a request waits for its image to be decoded.
const IMAGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How many images may be in memory, undecoded, while they wait for a thread.
const MAX_WAITING_IMAGES: usize = 4;
const MIB: u64 = 1024 * 1024;

/// Why a file was not taken.
#[derive(Debug, Error)]
pub enum FileError {
    /// It is larger than allowed.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// How many bytes it may have.
        limit: u64,
    },
    /// It is no image that can be decoded within the bounds.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Too many images wait to be decoded.
    #[error("too many images are being decoded")]
    Busy,
    /// It cannot be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The hash of a file as it was sent.
pub type ContentHash = [u8; 32];

/// Hashes a file whose bytes arrive one after the other.
#[derive(Default)]
pub struct ContentHasher(Sha256);

impl ContentHasher {
    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all of them.
    pub fn finish(self) -> ContentHash {
        self.0.finalize().into()
    }
}

/// What was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Of what arrived, which tells a repeat from another file.
    pub content_hash: ContentHash,
    /// Its media type.
    pub content_type: &'static str,
    /// How many bytes are stored.
    pub size: u64,
    /// The sides of an image, as it is shown.
    pub sides: Option<(u32, u32)>,
    /// The media type of the thumbnail; `None` without one.
    pub thumbnail_type: Option<&'static str>,
}

/// The files.
pub struct Files {
    /// Where the bytes are.
    pub store: Store,
    /// How many bytes users may upload.
    pub quota: Quota,
    /// The maximal size of an attachment, in bytes.
    pub max_upload_bytes: u64,
    images: Threads,
    waiting_images: Arc<Semaphore>,
}

impl Files {
    /// Opens the store of the settings, and starts the threads for images.
    ///
    /// # Errors
    /// If the store cannot be opened, or the operating system refuses a thread.
    pub fn start(config: &Config) -> io::Result<Self> {
        let settings = &config.files;
        let least_free = u64::from(settings.least_free_mib) * MIB;
        let store = Store::open(settings.files.as_deref(), &config.data_dir, least_free)?;
        Ok(Self {
            store,
            quota: Quota::new(config),
            max_upload_bytes: u64::from(settings.upload_mib) * MIB,
            images: Threads::start("image")?,
            waiting_images: Arc::new(Semaphore::new(MAX_WAITING_IMAGES)),
        })
    }

    /// Begins a file of at most so many bytes, which is stored under this key.
    pub fn receive(&self, key: FileKey, filename: &str, max_bytes: u64) -> Receiving<'_> {
        Receiving {
            files: self,
            key,
            max_bytes,
            judge: Judge::new(filename),
            hasher: ContentHasher::default(),
            incoming: None,
            pending: BytesMut::new(),
            size: 0,
        }
    }

    /// Replaces the bytes of an image by those without metadata, and stores its thumbnail. `None` if it cannot be decoded
    /// within the bounds: then it is a plain file.
    async fn store_image(
        &self,
        key: &FileKey,
        kind: ImageKind,
        size: u64,
        content_hash: ContentHash,
    ) -> Result<Option<StoredFile>, FileError> {
        let _waiting = self.waiting_images.acquire().await.map_err(|_| FileError::Busy)?;
        let bytes = self.store.read(key.as_str(), 0..size).await?;
        let prepared = match self.on_image_thread(move || image::prepare(kind, &bytes)).await {
            Ok(Ok(prepared)) => prepared,
            Ok(Err(reason)) | Err(FileError::Image(reason)) => {
                tracing::debug!(%reason, "an image is kept as a plain file");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let image::Prepared { bytes, sides, thumbnail } = prepared;
        let size = bytes.len() as u64;
        self.store.put(key.as_str(), bytes).await?;
        let mut thumbnail_type = None;
        if let Some(Picture { bytes, content_type }) = thumbnail {
            self.store.put(&key.sized(shared::files::THUMBNAIL_PIXELS), bytes).await?;
            thumbnail_type = Some(content_type);
        }
        let (content_type, sides) = (kind.content_type(), Some(sides));
        Ok(Some(StoredFile { content_hash, content_type, size, sides, thumbnail_type }))
    }

    async fn on_image_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, FileError> {
        let done = async {
            let thread = self.images.acquire().await.map_err(|_| FileError::Busy)?;
            self.images.run(thread, work).await.map_err(|_| FileError::Image(ImageError::Undecodable))
        };
        timeout(IMAGE_TIMEOUT, done).await.unwrap_or(Err(FileError::Busy))
    }
}

/// A file whose bytes arrive. If it is dropped, what was stored of it is deleted.
pub struct Receiving<'a> {
    files: &'a Files,
    key: FileKey,
    max_bytes: u64,
    judge: Judge,
    hasher: ContentHasher,
    incoming: Option<Incoming>,
    /// Bytes that are not stored yet.
    pending: BytesMut,
    size: u64,
}

impl Receiving<'_> {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`FileError::TooLarge`], or why they cannot be stored.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.size += bytes.len() as u64;
        if self.size > self.max_bytes {
            return Err(FileError::TooLarge { limit: self.max_bytes });
        }
        self.judge.push(bytes);
        self.hasher.push(bytes);
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= self.files.store.part_bytes() {
            self.flush().await?;
        }
        Ok(())
    }

    /// How many bytes arrived.
    pub fn size(&self) -> u64 {
        self.size
    }

    async fn flush(&mut self) -> Result<(), FileError> {
        let bytes = self.pending.split().freeze();
        let incoming = match &mut self.incoming {
            Some(incoming) => incoming,
            none => none.insert(self.files.store.receive(self.key.as_str()).await?),
        };
        Ok(incoming.push(bytes).await?)
    }

    /// Stores the rest as an attachment. An image that can be decoded is stored without metadata, and gets a thumbnail.
    ///
    /// # Errors
    /// Why it cannot be stored.
    pub async fn into_attachment(mut self) -> Result<StoredFile, FileError> {
        let kind = self.judge.finish();
        let (files, key, size) = (self.files, self.key.clone(), self.size);
        let content_hash = self.hasher.finish();
        match self.incoming.take() {
            // It is small.
            None => files.store.put(key.as_str(), self.pending.freeze()).await?,
            Some(incoming) => complete(incoming, self.pending).await?,
        }
        let plain =
            |content_type| StoredFile { content_hash, content_type, size, sides: None, thumbnail_type: None };
        match kind {
            Kind::Image(kind) => {
                let stored = files.store_image(&key, kind, size, content_hash).await?;
                Ok(stored.unwrap_or_else(|| plain(kind::UNKNOWN)))
            }
            Kind::Other(content_type) => Ok(plain(content_type)),
        }
    }

    /// Makes the picture of a user or room from the image, and stores it in both sizes.
    ///
    /// # Errors
    /// [`FileError::Image`] if it is no image or beyond the bounds.
    pub async fn into_avatar(mut self) -> Result<(), FileError> {
        let Kind::Image(_) = self.judge.finish() else { return Err(ImageError::Unsupported.into()) };
        let (files, key, size) = (self.files, self.key.clone(), self.size);
        let _waiting = files.waiting_images.acquire().await.map_err(|_| FileError::Busy)?;
        let bytes = match self.incoming.take() {
            // It is small, and was never stored.
            None => self.pending.freeze(),
            Some(incoming) => {
                complete(incoming, self.pending).await?;
                let bytes = files.store.read(key.as_str(), 0..size).await?;
                files.store.delete(key.as_str()).await?;
                bytes
            }
        };
        for (size, picture) in files.on_image_thread(move || image::avatar(&bytes)).await?? {
            files.store.put(&key.sized(size), picture.bytes).await?;
        }
        Ok(())
    }
}

async fn complete(mut incoming: Incoming, rest: BytesMut) -> Result<(), FileError> {
    if !rest.is_empty() {
        incoming.push(rest.freeze()).await?;
    }
    Ok(incoming.complete().await?)
}
