//! Request bodies that are files: they are read as they arrive, and never held whole.

use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use futures_util::StreamExt;
use shared::errors::ErrorCode;
use tokio::time::timeout;

use super::body::{BODY_TIMEOUT, Unread, announced_length};
use crate::error::{AppError, AppResult};

/// How long a file may take in any case.
const FILE_GRACE: Duration = Duration::from_secs(20);
/// How many bytes of a file must arrive in a second after that.
const FILE_BYTES_PER_SECOND: u64 = 8 * 1024;
/// How many bytes of a refused file are read.
const MAX_DISCARDED_BYTES: u64 = 32 * 1024 * 1024;

/// A file as the body of a request, which arrives while it is read. Its media type is not looked at.
pub struct FileBody {
    request: HttpRequest,
    payload: Option<web::Payload>,
    started_at: Instant,
    received: u64,
    is_whole: bool,
}

impl FromRequest for FileBody {
    type Error = AppError;
    type Future = std::future::Ready<AppResult<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let payload = web::Payload::from_request(request, payload).into_inner();
        let body = payload.map(|payload| Self {
            request: request.clone(),
            payload: Some(payload),
            started_at: Instant::now(),
            received: 0,
            is_whole: false,
        });
        std::future::ready(body.map_err(|_| AppError::new(ErrorCode::BadRequest)))
    }
}

impl FileBody {
    /// The length that the request announces.
    pub fn announced(&self) -> Option<u64> {
        announced_length(&self.request)
    }

    /// Checks the head of the request: a file comes as it is, and not larger than `max` bytes.
    ///
    /// # Errors
    /// 415 for an encoded one, 413 for one that is announced to be too large.
    pub fn check(&self, max: u64) -> AppResult<()> {
        if self.request.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(AppError::new(ErrorCode::UnsupportedMediaType));
        }
        match self.announced() {
            Some(length) if length > max => Err(too_large(max)),
            _ => Ok(()),
        }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// 408 if they take too long, 400 if the body breaks off.
    pub async fn next(&mut self) -> AppResult<Option<web::Bytes>> {
        let Some(payload) = &mut self.payload else { return Ok(None) };
        let slow = || AppError::because(ErrorCode::RequestTimeout, "The file took too long to arrive.");
        let allowed = FILE_GRACE + Duration::from_secs(self.received / FILE_BYTES_PER_SECOND);
        let rest = allowed.saturating_sub(self.started_at.elapsed()).min(BODY_TIMEOUT);
        match timeout(rest, payload.next()).await.map_err(|_| slow())? {
            Some(Ok(bytes)) => {
                self.received += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Some(Err(_)) => Err(AppError::because(ErrorCode::BadRequest, "The body broke off.")),
            None => {
                self.is_whole = true;
                Ok(None)
            }
        }
    }

    /// Reads the rest and drops it, within bounds: most clients look at the response only when they have sent everything.
    pub async fn discard(&mut self) {
        let until = self.received + MAX_DISCARDED_BYTES;
        let rest = async {
            while self.received < until
                && let Ok(Some(_)) = self.next().await
            {}
        };
        let _ = timeout(BODY_TIMEOUT, rest).await;
    }
}

impl Drop for FileBody {
    fn drop(&mut self) {
        if let Some(payload) = self.payload.take().filter(|_| !self.is_whole) {
            self.request.extensions_mut().insert(Unread::new(payload));
        }
    }
}

/// A file is larger than allowed.
fn too_large(max: u64) -> AppError {
    let mib = max / (1024 * 1024);
    AppError::because(ErrorCode::BodyTooLarge, format!("The file is larger than {mib} MiB."))
}
