//! Request bodies that are files: they are read as they arrive, and never held whole.

use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use futures_util::StreamExt;
use shared::errors::ErrorCode;
use tokio::time::timeout;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use super::body::{BODY_TIMEOUT, Unread, announced_length};
use crate::app::App;
use crate::error::{AppError, AppResult};
use crate::files::FileError;
use crate::realtime::connection::Identity;

/// How long a file may take in any case.
const FILE_GRACE: Duration = Duration::from_secs(20);
/// How many bytes of a file must arrive in a second after that.
const FILE_BYTES_PER_SECOND: u64 = 8 * 1024;
/// How often it is asked whether the session still lasts, also while nothing arrives.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The schema of the bytes of a file.
pub struct FileBytes;

impl PartialSchema for FileBytes {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build().into()
    }
}

impl ToSchema for FileBytes {}

/// A file as the body of a request, which arrives while it is read. Its media type is not looked at. If it is not read to
/// its end, the answer is sent at once, and the rest is read and dropped behind it.
pub struct FileBody {
    request: HttpRequest,
    payload: Option<web::Payload>,
    /// Whose session has to last.
    sender: Option<(web::Data<App>, Identity)>,
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
            sender: None,
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

    /// Ends the body when this session ends.
    pub fn follow(&mut self, app: &web::Data<App>, sender: &Identity) {
        self.sender = Some((app.clone(), sender.clone()));
    }

    /// Checks the head of the request: a file comes as it is, and not larger than `limit` bytes.
    ///
    /// # Errors
    /// 415 for an encoded one, 413 for one that is announced to be too large.
    pub fn check(&self, limit: u64) -> AppResult<()> {
        if self.request.headers().contains_key(header::CONTENT_ENCODING) {
            let detail = "A file has to come as it is, without a Content-Encoding.";
            return Err(AppError::because(ErrorCode::UnsupportedMediaType, detail));
        }
        match self.announced() {
            Some(length) if length > limit => Err(FileError::TooLarge { limit }.into()),
            _ => Ok(()),
        }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// 408 if they take too long, 400 if the body breaks off, 401 when the session has ended.
    pub async fn next(&mut self) -> AppResult<Option<web::Bytes>> {
        let Some(payload) = &mut self.payload else { return Ok(None) };
        let slow = || AppError::because(ErrorCode::RequestTimeout, "The file took too long to arrive.");
        let allowed = FILE_GRACE + Duration::from_secs(self.received / FILE_BYTES_PER_SECOND);
        let mut rest = allowed.saturating_sub(self.started_at.elapsed()).min(BODY_TIMEOUT);
        let arrived = loop {
            if self.sender.as_ref().is_some_and(|(app, sender)| app.sessions.has_ended(sender)) {
                return Err(AppError::new(ErrorCode::InvalidToken));
            }
            let patience = rest.min(CHECK_INTERVAL);
            match timeout(patience, payload.next()).await {
                Ok(arrived) => break arrived,
                Err(_) => rest = Some(rest - patience).filter(|rest| !rest.is_zero()).ok_or_else(slow)?,
            }
        };
        match arrived {
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
}

impl Drop for FileBody {
    fn drop(&mut self) {
        if let Some(payload) = self.payload.take().filter(|_| !self.is_whole) {
            self.request.extensions_mut().insert(Unread::of_file(payload));
        }
    }
}
