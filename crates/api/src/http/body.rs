//! Request bodies: one JSON object, parsed strictly. Duplicate keys, deep nesting and other content types are rejected,
//! unknown fields are ignored, and every invalid field is reported with a JSON Pointer.

use std::error::Error;
use std::future::ready;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::{Method, header};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Map, Value};
use shared::errors::{ErrorCode, FieldError};
use shared::text::{Invalid, InvalidCode};
use shared::users::CURRENT_USER_PATH;
use tokio::time::timeout;

use crate::error::{AppError, AppResult};
use crate::json::{self, JsonError};

/// The maximal size of a body, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long a body may take to arrive.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How many bytes of a refused file are read and dropped.
const MAX_DISCARDED_BYTES: usize = 32 * 1024 * 1024;
/// How long they may pause.
const DISCARD_PATIENCE: Duration = Duration::from_secs(2);

/// A body: one JSON object.
pub struct JsonBody(Map<String, Value>);

impl JsonBody {
    /// Whether it has a field of that name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Converts the fields into a value.
    ///
    /// # Errors
    /// 422 with a pointer to each invalid field.
    pub fn read<T>(self, read: impl FnOnce(&mut Fields) -> Option<T>) -> AppResult<T> {
        let mut fields = Fields { object: self.0, errors: Vec::new() };
        match read(&mut fields) {
            Some(value) if fields.errors.is_empty() => Ok(value),
            _ => Err(AppError::invalid(fields.errors)),
        }
    }
}

/// The fields of a body, and the errors of those that were read.
pub struct Fields {
    object: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Parses a required text field.
    pub fn required<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        self.require(name);
        self.optional(name, parse)
    }

    /// Parses an optional text field. A field that is null is invalid, not absent.
    pub fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let parsed = match self.object.get(name)? {
            Value::String(text) => parse(text),
            _ => Err(Invalid::new(InvalidCode::InvalidType, format!("{name} must be a string."))),
        };
        parsed.map_err(|invalid| self.errors.push(FieldError::new(name, invalid))).ok()
    }

    /// Parses an optional text field that may be null. Absent is `None`, null is `Some(None)`.
    pub fn nullable<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<Option<T>, Invalid>,
    ) -> Option<Option<T>> {
        match self.object.get(name)? {
            Value::Null => Some(None),
            _ => self.optional(name, parse),
        }
    }

    /// Reads an optional whole number in a range that may be null. Absent is `None`, null is `Some(None)`.
    pub fn nullable_number(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<Option<i64>> {
        match self.object.get(name)? {
            Value::Null => Some(None),
            _ => self.number(name, range).map(Some),
        }
    }

    /// Parses an optional text field that is the name of one of these values.
    pub fn named<T: Copy, const COUNT: usize>(
        &mut self,
        field: &str,
        all: [T; COUNT],
        name: fn(T) -> &'static str,
    ) -> Option<T> {
        self.optional(field, |given| {
            let found = all.into_iter().find(|value| name(*value) == given);
            let detail = || format!("{field} must be one of: {}.", all.map(name).join(", "));
            found.ok_or_else(|| Invalid::new(InvalidCode::InvalidFormat, detail()))
        })
    }

    /// Reports a required field that is missing.
    pub fn require(&mut self, name: &str) {
        if !self.object.contains_key(name) {
            let invalid = Invalid::new(InvalidCode::Required, format!("{name} is required."));
            self.errors.push(FieldError::new(name, invalid));
        }
    }

    /// Parses a required list of texts. It has at least one item, and none twice.
    pub fn texts<T: PartialEq>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<Vec<T>> {
        let invalid = |code, detail: &str| Invalid::new(code, format!("{name} {detail}"));
        let parsed = match self.object.get(name) {
            None => Err(invalid(InvalidCode::Required, "is required.")),
            Some(Value::Array(items)) if items.is_empty() => {
                Err(invalid(InvalidCode::Required, "needs at least one item."))
            }
            Some(Value::Array(items)) => items.iter().try_fold(Vec::new(), |mut list, item| {
                let text =
                    item.as_str().ok_or_else(|| invalid(InvalidCode::InvalidType, "must list strings."))?;
                let parsed = parse(text)?;
                if list.contains(&parsed) {
                    return Err(invalid(InvalidCode::InvalidFormat, "has an item twice."));
                }
                list.push(parsed);
                Ok(list)
            }),
            Some(_) => Err(invalid(InvalidCode::InvalidType, "must be a list of strings.")),
        };
        parsed.map_err(|invalid| self.errors.push(FieldError::new(name, invalid))).ok()
    }

    /// Parses an optional list of at most `max` texts. A field that is null is invalid, not absent.
    pub fn list<T>(
        &mut self,
        name: &str,
        max: usize,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Option<Vec<T>> {
        let invalid = |code, detail: String| Invalid::new(code, format!("{name} {detail}"));
        let parsed = match self.object.get(name)? {
            Value::Array(items) if items.len() > max => {
                Err(invalid(InvalidCode::TooLong, format!("has more than {max} items.")))
            }
            Value::Array(items) => items
                .iter()
                .map(|item| match item.as_str() {
                    Some(text) => parse(text),
                    None => Err(invalid(InvalidCode::InvalidType, "must list strings.".to_owned())),
                })
                .collect(),
            _ => Err(invalid(InvalidCode::InvalidType, "must be a list of strings.".to_owned())),
        };
        parsed.map_err(|invalid| self.errors.push(FieldError::new(name, invalid))).ok()
    }

    /// The fields of each object of an optional list of at most `max`. A field that is null is invalid, not absent.
    pub fn objects<T>(
        &mut self,
        name: &str,
        max: usize,
        read: impl Fn(&mut Fields) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut invalid = |code, detail: String| {
            self.errors.push(FieldError::new(name, Invalid::new(code, detail)));
            None
        };
        let items = match self.object.get(name)? {
            Value::Array(items) if items.len() > max => {
                return invalid(InvalidCode::TooLong, format!("{name} has more than {max} items."));
            }
            Value::Array(items) => items,
            _ => return invalid(InvalidCode::InvalidType, format!("{name} must be a list of objects.")),
        };
        let mut list = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let pointer = format!("{name}/{place}");
            let Value::Object(object) = item else {
                let wrong = Invalid::new(InvalidCode::InvalidType, format!("{pointer} must be an object."));
                self.errors.push(FieldError::new(&pointer, wrong));
                continue;
            };
            let mut fields = Fields { object: object.clone(), errors: Vec::new() };
            list.extend(read(&mut fields));
            let nested = fields.errors.into_iter();
            self.errors.extend(
                nested.map(|error| FieldError { pointer: format!("/{pointer}{}", error.pointer), ..error }),
            );
        }
        Some(list)
    }

    /// Reads an optional whole number in a range. A field that is null is invalid, not absent.
    pub fn number(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.object.get(name)?;
        // JSON has one type of numbers: 60.0 is whole.
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64);
        let invalid = match value.as_i64().or_else(|| value.as_f64().and_then(whole)) {
            Some(number) if range.contains(&number) => return Some(number),
            None if !value.is_number() => {
                Invalid::new(InvalidCode::InvalidType, format!("{name} must be a number."))
            }
            _ => {
                let (start, end) = (range.start(), range.end());
                let detail = format!("{name} must be a whole number from {start} to {end}.");
                Invalid::new(InvalidCode::OutOfRange, detail)
            }
        };
        self.errors.push(FieldError::new(name, invalid));
        None
    }

    /// Reads an optional boolean field. A field that is null is invalid, not absent.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.object.get(name)?;
        let flag = value.as_bool();
        if flag.is_none() {
            let invalid = Invalid::new(InvalidCode::InvalidType, format!("{name} must be true or false."));
            self.errors.push(FieldError::new(name, invalid));
        }
        flag
    }
}

impl FromRequest for JsonBody {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, AppResult<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let bytes = extract(request, payload);
        async move { parse(&bytes.await?).map(Self) }.boxed_local()
    }
}

/// A body that is any JSON value.
pub struct JsonValue(pub Value);

impl FromRequest for JsonValue {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, AppResult<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let bytes = extract(request, payload);
        async move { json::parse_value(&bytes.await?).map(Self).map_err(invalid) }.boxed_local()
    }
}

/// A body that may be left out, which is the same as an empty object.
pub struct OptionalBody(pub JsonBody);

impl FromRequest for OptionalBody {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, AppResult<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let bytes = extract(request, payload);
        async move {
            let bytes = bytes.await?;
            let object = if bytes.is_empty() { Map::new() } else { parse(&bytes)? };
            Ok(Self(JsonBody(object)))
        }
        .boxed_local()
    }
}

/// Takes the body of a request and reads it.
fn extract(
    request: &HttpRequest,
    payload: &mut dev::Payload,
) -> impl Future<Output = AppResult<web::BytesMut>> + use<> {
    let request = request.clone();
    let payload = web::Payload::from_request(&request, payload).into_inner();
    async move { read(&request, payload.map_err(|_| AppError::new(ErrorCode::BadRequest))?).await }
}

/// Checks the body of a request whose method ignores bodies. The rules are the same as for other bodies.
///
/// # Errors
/// The same as for other bodies.
pub async fn check_unread(request: &mut dev::ServiceRequest) -> AppResult<()> {
    let ignores_body = [Method::GET, Method::HEAD, Method::DELETE].contains(request.method());
    let headers = request.headers();
    let is_announced = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
        || headers.contains_key(header::TRANSFER_ENCODING);
    // `DELETE /users/me` has a body, although its method usually has none.
    let is_deletion = request.method() == Method::DELETE && request.path() == CURRENT_USER_PATH;
    if !ignores_body || !is_announced || is_deletion {
        return Ok(());
    }
    let (request, payload) = request.parts_mut();
    let payload = web::Payload::from_request(request, payload).into_inner();
    let payload = payload.map_err(|_| AppError::new(ErrorCode::BadRequest))?;
    // Where files are sent, a body is no JSON.
    if ["/avatar", "/uploads"].iter().any(|end| request.path().ends_with(end)) {
        return read_any(request, payload).await.map(drop);
    }
    let bytes = read(request, payload).await?;
    if bytes.is_empty() {
        return Ok(());
    }
    // Commands may be a list.
    if request.path().ends_with("/commands") {
        return json::parse_value(&bytes).map(drop).map_err(invalid);
    }
    parse(&bytes).map(|_| ())
}

/// The body of a request that was not read to its end.
pub struct Unread {
    payload: web::Payload,
    /// Whether what still arrives of it is read and dropped.
    is_file: bool,
}

impl Unread {
    /// The rest of a file. Many clients look at the answer only when they have sent everything, and a connection that is
    /// closed before that may take the answer along. So the rest is read behind the answer, within bounds.
    pub(super) fn of_file(payload: web::Payload) -> Self {
        Self { payload, is_file: true }
    }

    /// A response body that keeps the request body alive. So actix-http closes the connection after the response.
    /// Otherwise it would wait indefinitely for the rest of a chunked body.
    pub fn keep_in(self, answer: BoxBody) -> BoxBody {
        let Self { payload, is_file } = self;
        let rest: LocalBoxFuture<'static, web::Payload> =
            if is_file { discard(payload).boxed_local() } else { ready(payload).boxed_local() };
        BoxBody::new(KeepUnread { answer, rest, kept: None })
    }
}

/// Reads a body and drops it, as long as it keeps arriving.
async fn discard(mut payload: web::Payload) -> web::Payload {
    let mut discarded = 0;
    let rest = async {
        while discarded < MAX_DISCARDED_BYTES
            && let Ok(Some(Ok(bytes))) = timeout(DISCARD_PATIENCE, payload.next()).await
        {
            discarded += bytes.len();
        }
    };
    let _ = timeout(BODY_TIMEOUT, rest).await;
    payload
}

struct KeepUnread {
    answer: BoxBody,
    rest: LocalBoxFuture<'static, web::Payload>,
    kept: Option<web::Payload>,
}

impl MessageBody for KeepUnread {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    /// The client has the whole answer when the rest of its request is read: the answer has a length.
    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        if let Some(bytes) = std::task::ready!(Pin::new(&mut self.answer).poll_next(context)) {
            return Poll::Ready(Some(bytes));
        }
        if self.kept.is_none() {
            self.kept = Some(std::task::ready!(self.rest.as_mut().poll(context)));
        }
        Poll::Ready(None)
    }
}

/// The length that a request announces.
pub(super) fn announced_length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads the whole body, whatever it is.
async fn read_any(request: &HttpRequest, mut payload: web::Payload) -> AppResult<web::BytesMut> {
    let slow = |_| AppError::because(ErrorCode::RequestTimeout, "The body took too long to arrive.");
    let collected = timeout(BODY_TIMEOUT, collect(request, &mut payload)).await.map_err(slow).flatten();
    collected.inspect_err(|_| {
        request.extensions_mut().insert(Unread { payload, is_file: false });
    })
}

/// Reads the whole body. Its media type must be JSON unless it is empty.
async fn read(request: &HttpRequest, payload: web::Payload) -> AppResult<web::BytesMut> {
    let bytes = read_any(request, payload).await?;
    // An empty body is malformed JSON, regardless of its media type.
    if !bytes.is_empty() && !request.content_type().eq_ignore_ascii_case("application/json") {
        return Err(AppError::new(ErrorCode::UnsupportedMediaType));
    }
    Ok(bytes)
}

async fn collect(request: &HttpRequest, payload: &mut web::Payload) -> AppResult<web::BytesMut> {
    let too_large = || AppError::because(ErrorCode::BodyTooLarge, "The body is larger than 64 KiB.");
    if announced_length(request).is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(too_large());
    }
    let mut bytes = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| AppError::because(ErrorCode::BadRequest, "The body broke off."))?;
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Parses one JSON object strictly.
fn parse(bytes: &[u8]) -> AppResult<Map<String, Value>> {
    json::parse(bytes).map_err(invalid)
}

fn invalid(error: JsonError) -> AppError {
    let detail = format!("The body {error}.");
    match error {
        JsonError::Malformed(_) | JsonError::TooDeep => AppError::because(ErrorCode::MalformedJson, detail),
        JsonError::NotAnObject => {
            let error = FieldError { pointer: String::new(), code: InvalidCode::InvalidType, detail };
            AppError::invalid(vec![error])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invalid_field_is_reported() {
        let body = JsonBody(parse(br#"{"text":null,"id":7,"more":1}"#).unwrap());
        let error = body
            .read(|fields| {
                let text = fields.required("text", |text| Ok(text.to_owned()));
                let id = fields.optional("id", |id| Ok(id.to_owned()));
                let name = fields.required("name", |name| Ok(name.to_owned()));
                Some((text?, id?, name?))
            })
            .unwrap_err();
        let named: Vec<_> = error.errors.iter().map(|error| (error.pointer.as_str(), error.code)).collect();
        assert_eq!(
            named,
            [
                ("/text", InvalidCode::InvalidType),
                ("/id", InvalidCode::InvalidType),
                ("/name", InvalidCode::Required)
            ]
        );
    }
}
