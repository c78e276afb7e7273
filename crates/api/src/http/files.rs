//! The bytes of files.

use std::ops::Range;
use std::time::{Duration, Instant};

use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::http::{Method, StatusCode};
use actix_web::{Error, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use shared::errors::ErrorCode;
use shared::files::{AVATAR_PIXELS, PICTURE_PIXELS, THUMBNAIL_PIXELS};
use shared::ids::RoomId;
use shared::members::Operation;
use shared::rooms::Visibility;
use shared::text::InvalidCode;
use tokio::task::JoinHandle;

use super::endpoint::{Endpoint, Needs};
use super::file_body::FileBytes;
use super::identity::FileReader;
use super::query::{FileSizeSchema, Query};
use super::rooms::permitted;
use crate::app::App;
use crate::config::Access;
use crate::db::attachments::FoundAttachment;
use crate::db::{self, Conn, DbError};
use crate::error::{AppError, AppResult};
use crate::files::key::{FileKey, Purpose};
use crate::files::kind::{self, ImageKind};
use crate::files::store::StoreError;
use crate::policy::Principal;
use crate::rooms::error::RoomError;

const FILE_PATH: &str = "/files/{key}";

/// How many bytes are read and sent at once.
const CHUNK_BYTES: u64 = 256 * 1024;
/// How often the right to read is asked for again while a file is sent.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Nothing in a file is run or loaded.
const CSP: &str = "sandbox; default-src 'none'";
/// The characters of `attr-char` (RFC 8187, section 3.2.1).
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(Method::GET, FILE_PATH, Needs::Reading, get)]
}

/// A file that may be sent.
struct Served {
    /// Under which it is stored.
    name: String,
    content_type: String,
    /// `None` for pictures, which are always shown.
    filename: Option<String>,
    size: Option<u64>,
    /// The room whose right is asked for again; `None` for what everybody may see.
    guarded_by: Option<RoomId>,
    cache_control: &'static str,
}

/// Get the bytes of a file
///
/// The file of a message needs the right to view its room; until a message has it, it is its uploader's alone. `size` asks
/// for a smaller picture: 64 for avatars, 800 for images.
#[utoipa::path(get, path = FILE_PATH, operation_id = "get_file", tag = "files",
    security((), ("token" = []), ("cookie" = [])),
    params(("key" = String, Path), ("size" = inline(Option<FileSizeSchema>), Query)),
    responses(
        (status = 200, description = "The file", body = inline(FileBytes), content_type = "*/*"),
        (status = 206, description = "The range of the file that the request asks for", body = inline(FileBytes),
            content_type = "*/*"),
        (status = 304, description = "The client has it already: its ETag is in If-None-Match"),
        (status = 404, description = "file_not_found"),
        (status = 416, description = "range_not_satisfiable"),
        (status = 422, description = "validation_failed")))]
pub async fn get(
    reader: FileReader,
    app: web::Data<App>,
    key: web::Path<String>,
    query: Query,
    request: HttpRequest,
) -> AppResult<HttpResponse> {
    let by = reader.principal();
    let key = FileKey::parse(&key).ok_or_else(|| AppError::new(ErrorCode::FileNotFound))?;
    let size = match query.get("size").map(str::parse::<u32>) {
        None => None,
        Some(Ok(size)) if PICTURE_PIXELS.contains(&size) => Some(size),
        Some(_) => {
            let detail = format!("size must be one of {PICTURE_PIXELS:?}.");
            return Err(AppError::invalid_field("size", InvalidCode::OutOfRange, detail));
        }
    };
    let served = match key.purpose() {
        Purpose::Avatar => avatar(&app, by, key, size).await?,
        Purpose::Attachment => attachment(&app, by, key, size).await?,
    };
    send(app, reader, served, &request).await
}

async fn avatar(app: &App, by: Principal, key: FileKey, size: Option<u32>) -> AppResult<Served> {
    let size = size.unwrap_or(AVATAR_PIXELS[0]);
    if !AVATAR_PIXELS.contains(&size) {
        return Err(AppError::new(ErrorCode::FileNotFound));
    }
    let name = key.sized(size);
    let found = visible(app, move |conn| {
        if db::users::has_avatar(conn, key.as_str())? {
            return Ok(None);
        }
        let room = db::rooms::find_by_avatar(conn, key.as_str())?;
        permitted(conn, room.id, by, Operation::View)?;
        Ok((room.visibility == Visibility::Private).then_some(room.id))
    });
    let guarded_by = found.await?;
    let cache_control = match (guarded_by, app.config.access) {
        (Some(_), _) => "private, no-cache",
        (None, Access::Open) => "public, max-age=31536000, immutable",
        (None, Access::Members) => "private, max-age=31536000, immutable",
    };
    let content_type = ImageKind::WebP.content_type().to_owned();
    Ok(Served { name, content_type, filename: None, size: None, guarded_by, cache_control })
}

async fn attachment(app: &App, by: Principal, key: FileKey, size: Option<u32>) -> AppResult<Served> {
    let wanted = key.clone();
    let found = visible(app, move |conn| {
        let found = db::attachments::find(conn, wanted.as_str())?;
        if !found.is_claimed && by.id != Some(found.user_id) {
            return Err(ErrorCode::FileNotFound.into());
        }
        permitted(conn, found.room_id, by, Operation::View)?;
        Ok(found)
    });
    let FoundAttachment { attachment, room_id, thumbnail_type, .. } = found.await?;
    let (guarded_by, cache_control) = (Some(room_id), "private, no-cache");
    Ok(match (size, thumbnail_type) {
        (None, _) => Served {
            name: key.as_str().to_owned(),
            content_type: attachment.content_type,
            filename: Some(attachment.filename),
            size: Some(attachment.size),
            guarded_by,
            cache_control,
        },
        (Some(THUMBNAIL_PIXELS), Some(content_type)) => Served {
            name: key.sized(THUMBNAIL_PIXELS),
            content_type,
            filename: None,
            size: None,
            guarded_by,
            cache_control,
        },
        (Some(_), _) => return Err(AppError::new(ErrorCode::FileNotFound)),
    })
}

/// Runs a read. Whatever the caller may not see is not found.
async fn visible<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&mut Conn) -> Result<T, RoomError> + Send + 'static,
) -> AppResult<T> {
    let found = app.db.run(move |conn| match work(conn) {
        Ok(found) => Ok(Some(found)),
        Err(RoomError::Refused(_) | RoomError::Db(DbError::NotFound)) => Ok(None),
        Err(RoomError::Db(error)) => Err(error),
    });
    found.await?.ok_or_else(|| AppError::new(ErrorCode::FileNotFound))
}

async fn send(
    app: web::Data<App>,
    reader: FileReader,
    served: Served,
    request: &HttpRequest,
) -> AppResult<HttpResponse> {
    let Served { name, content_type, filename, size, guarded_by, cache_control } = served;
    let size = match size {
        Some(size) => size,
        None => app.files.store.size(&name).await?,
    };
    let etag = format!("\"{name}\"");
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, etag.as_str()))
        .insert_header((header::CACHE_CONTROL, cache_control))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CONTENT_SECURITY_POLICY, CSP))
        // Keeps actix from compressing it: ranges are those of the file.
        .insert_header((header::CONTENT_ENCODING, "identity"));
    let is_known = header_text(request, header::IF_NONE_MATCH).is_some_and(|tags| {
        tags == "*" || tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)
    });
    if is_known {
        return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    let shown = kind::is_inline(&content_type);
    let content_type =
        if content_type == kind::TEXT { "text/plain; charset=utf-8".to_owned() } else { content_type };
    response.content_type(content_type);
    if let Some(filename) = filename {
        let way = if shown { "inline" } else { "attachment" };
        let filename = utf8_percent_encode(&filename, ATTRIBUTE);
        response
            .insert_header((header::CONTENT_DISPOSITION, format!("{way}; filename*=UTF-8\'\'{filename}")));
    }
    let range = match wanted_range(request, &etag, size) {
        Wanted::Whole => 0..size,
        Wanted::Part(range) => {
            let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            response
                .status(StatusCode::PARTIAL_CONTENT)
                .insert_header((header::CONTENT_RANGE, content_range));
            range
        }
        Wanted::Nothing => {
            let content_range = (header::CONTENT_RANGE, format!("bytes */{size}"));
            return Ok(HttpResponse::RangeNotSatisfiable().insert_header(content_range).finish());
        }
    };
    let length = range.end - range.start;
    let sending = Sending { app, reader, name, guarded_by, range, ahead: None, checked_at: Instant::now() };
    let chunks = stream::try_unfold(sending, Sending::next);
    Ok(response.body(SizedStream::new(length, chunks)))
}

fn header_text(request: &HttpRequest, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

/// What a request wants of a file.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<u64>),
    /// A range that the file does not have.
    Nothing,
}

/// The range of a request (RFC 9110, section 14.2). Several ranges, and those of another version, are the whole file.
fn wanted_range(request: &HttpRequest, etag: &str, size: u64) -> Wanted {
    let is_same = header_text(request, header::IF_RANGE).is_none_or(|tag| tag == etag);
    match header_text(request, header::RANGE).filter(|_| is_same) {
        Some(range) => parse_range(range, size),
        None => Wanted::Whole,
    }
}

fn parse_range(text: &str, size: u64) -> Wanted {
    let Some(spec) = text.strip_prefix("bytes=").map(str::trim).filter(|spec| !spec.contains(',')) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else { return Wanted::Whole };
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let range = match (number(first), number(last)) {
        (Some(first), None) if last.is_empty() => first..size,
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (None, Some(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Wanted::Whole,
    };
    if range.is_empty() { Wanted::Nothing } else { Wanted::Part(range) }
}

/// A file on its way to a client.
struct Sending {
    app: web::Data<App>,
    reader: FileReader,
    name: String,
    guarded_by: Option<RoomId>,
    /// What is still to be read.
    range: Range<u64>,
    /// The bytes that are read while those before them are sent.
    ahead: Option<JoinHandle<Result<Bytes, StoreError>>>,
    checked_at: Instant,
}

impl Sending {
    /// The next bytes. The transfer breaks off when the right to it is gone, or the session has ended.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        let Some(reading) = self.ahead.take().or_else(|| self.begin_read()) else { return Ok(None) };
        if self.reader.0.as_ref().is_some_and(|reader| self.app.sessions.has_ended(reader)) {
            return Err(AppError::new(ErrorCode::InvalidToken).into());
        }
        if let Some(room_id) = self.guarded_by.filter(|_| self.checked_at.elapsed() > CHECK_INTERVAL) {
            let (by, key) =
                (self.reader.principal(), self.name.split('.').next().unwrap_or_default().to_owned());
            visible(&self.app, move |conn| {
                permitted(conn, room_id, by, Operation::View)?;
                if key.starts_with(Purpose::Attachment.letter()) {
                    db::attachments::find(conn, &key)?;
                }
                Ok(())
            })
            .await?;
            self.checked_at = Instant::now();
        }
        let read = reading.await.map_err(|_| AppError::new(ErrorCode::Internal))?;
        self.ahead = self.begin_read();
        Ok(Some((read.map_err(AppError::from)?, self)))
    }

    /// Begins to read what comes next; `None` at the end.
    fn begin_read(&mut self) -> Option<JoinHandle<Result<Bytes, StoreError>>> {
        let end = self.range.end.min(self.range.start + CHUNK_BYTES);
        let range = std::mem::replace(&mut self.range.start, end)..end;
        if range.is_empty() {
            return None;
        }
        let (app, name) = (self.app.clone(), self.name.clone());
        let read = async move { app.files.store.read(&name, range).await };
        Some(tokio::spawn(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_of_the_file() {
        for (text, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=5-", Wanted::Part(5..10)),
            ("bytes=5-100", Wanted::Part(5..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-100", Wanted::Part(0..10)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=99999999999999999999-", Wanted::Nothing),
            ("bytes=3-2", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
        ] {
            assert_eq!(parse_range(text, 10), expected, "{text}");
        }
    }
}
