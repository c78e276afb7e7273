//! Request bodies: one JSON object, read strictly. Duplicate keys, deep nesting and other content types are refused;
//! unknown fields are ignored; every wrong field is named with a JSON Pointer.

use std::fmt;
use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess};
use serde_json::{Map, Value};
use shared::errors::{ErrorCode, FieldError};
use shared::text::{Invalid, InvalidCode};
use tokio::time::timeout;

use crate::error::{AppError, AppResult};

/// The most a body may hold, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How deep a body may nest.
const MAX_DEPTH: usize = 32;

/// A body: one JSON object whose fields are still to be read.
pub struct JsonBody(Map<String, Value>);

impl JsonBody {
    /// Reads the fields into a value; every field that is wrong is reported, not only the first.
    ///
    /// # Errors
    /// 422 with a pointer for each field that breaks a rule.
    pub fn read<T>(self, read: impl FnOnce(&mut Fields) -> Option<T>) -> AppResult<T> {
        let mut fields = Fields { object: self.0, errors: Vec::new() };
        match read(&mut fields) {
            Some(value) if fields.errors.is_empty() => Ok(value),
            _ => Err(AppError::invalid(fields.errors)),
        }
    }
}

/// The fields of a body, and what was wrong with those that were read.
pub struct Fields {
    object: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// A text that must be there and must pass `parse`.
    pub fn required<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        if !self.object.contains_key(name) {
            let invalid = Invalid::new(InvalidCode::Required, format!("{name} is required."));
            self.errors.push(FieldError::new(name, invalid));
        }
        self.optional(name, parse)
    }

    /// A text that may be absent, but if it is there, it must pass `parse`; null is there.
    pub fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let parsed = match self.object.get(name)? {
            Value::String(text) => parse(text),
            _ => Err(Invalid::new(InvalidCode::InvalidType, format!("{name} must be a string."))),
        };
        parsed.map_err(|invalid| self.errors.push(FieldError::new(name, invalid))).ok()
    }
}

impl FromRequest for JsonBody {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, AppResult<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        let payload = web::Payload::from_request(&request, payload).into_inner();
        async move {
            let payload = payload.map_err(|_| AppError::new(ErrorCode::BadRequest))?;
            parse(&read(&request, payload).await?).map(Self)
        }
        .boxed_local()
    }
}

/// Checks the body of a request whose method has no use for one: if there is one, it is held to the same rules.
///
/// # Errors
/// As for any body.
pub async fn check_unread(request: &mut dev::ServiceRequest) -> AppResult<()> {
    let has_no_use = [Method::GET, Method::HEAD, Method::DELETE].contains(request.method());
    let headers = request.headers();
    let is_announced = headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
        || headers.contains_key(header::TRANSFER_ENCODING);
    if !has_no_use || !is_announced {
        return Ok(());
    }
    let (request, payload) = request.parts_mut();
    let payload = web::Payload::from_request(request, payload).into_inner();
    let bytes = read(request, payload.map_err(|_| AppError::new(ErrorCode::BadRequest))?).await?;
    if bytes.is_empty() { Ok(()) } else { parse(&bytes).map(|_| ()) }
}

/// The whole body, which says that it is JSON if it is not empty.
async fn read(request: &HttpRequest, payload: web::Payload) -> AppResult<web::BytesMut> {
    let slow = |_| AppError::because(ErrorCode::RequestTimeout, "The body took too long to come.");
    let bytes = timeout(PATIENCE, collect(request, payload)).await.map_err(slow)??;
    // An absent body is malformed, whatever its type would have been.
    if !bytes.is_empty() && !request.content_type().eq_ignore_ascii_case("application/json") {
        return Err(AppError::new(ErrorCode::UnsupportedMediaType));
    }
    Ok(bytes)
}

async fn collect(request: &HttpRequest, mut payload: web::Payload) -> AppResult<web::BytesMut> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if announced
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|length| length > MAX_BODY_BYTES as u64)
    {
        return Err(AppError::new(ErrorCode::BodyTooLarge));
    }
    let mut bytes = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| AppError::because(ErrorCode::BadRequest, "The body broke off."))?;
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(AppError::new(ErrorCode::BodyTooLarge));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// One JSON object, read strictly.
///
/// # Errors
/// 400 when it is no JSON, nests too deeply or has a key twice; 422 when it is no object.
pub fn parse(bytes: &[u8]) -> AppResult<Map<String, Value>> {
    let malformed = |detail: String| AppError::because(ErrorCode::MalformedJson, detail);
    if nests_deeper_than(bytes, MAX_DEPTH) {
        return Err(malformed(format!("The body nests deeper than {MAX_DEPTH} levels.")));
    }
    match serde_json::from_slice::<Strict>(bytes) {
        Ok(Strict(Value::Object(object))) => Ok(object),
        Ok(_) => {
            let invalid = Invalid::new(InvalidCode::InvalidType, "The body must be a JSON object.");
            let error = FieldError { pointer: String::new(), code: invalid.code, detail: invalid.detail };
            Err(AppError::invalid(vec![error]))
        }
        Err(error) => Err(malformed(format!("The body is not valid JSON: {error}."))),
    }
}

/// Counts brackets outside strings; what is no JSON is found out by the parser.
fn nests_deeper_than(bytes: &[u8], max_depth: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > max_depth {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// A JSON value in which no object has a key twice: two readers could take different ones.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Strict;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
                let mut array = Vec::new();
                while let Some(Strict(item)) = items.next_element()? {
                    array.push(item);
                }
                Ok(Strict(Value::Array(array)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Strict, A::Error> {
                let mut object = Map::new();
                while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
                    if object.contains_key(&key) {
                        return Err(de::Error::custom(format_args!("the key {key:?} stands twice")));
                    }
                    object.insert(key, value);
                }
                Ok(Strict(Value::Object(object)))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> ErrorCode {
        parse(body.as_bytes()).map_or_else(|error| error.code, |object| panic!("{body} gave {object:?}"))
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_at_every_depth() {
        assert_eq!(code(r#"{"a":1,"a":2}"#), ErrorCode::MalformedJson);
        assert_eq!(code(r#"{"a":[{"b":1,"b":1}]}"#), ErrorCode::MalformedJson);
    }

    #[test]
    fn what_is_no_json_is_malformed_and_what_is_no_object_is_invalid() {
        for body in ["", "{", "{]", "nonsense", "{\"a\":NaN}", "{} {}"] {
            assert_eq!(code(body), ErrorCode::MalformedJson, "{body}");
        }
        for body in ["[]", "1", "null", "\"text\""] {
            assert_eq!(code(body), ErrorCode::ValidationFailed, "{body}");
        }
    }

    #[test]
    fn nesting_is_counted_outside_strings() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(parse(nested(32).as_bytes()).is_ok());
        assert_eq!(code(&nested(33)), ErrorCode::MalformedJson);
        assert!(parse(br#"{"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"[["}"#).is_ok());
    }

    #[test]
    fn every_wrong_field_is_named() {
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
