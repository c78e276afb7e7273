//! Streams: a client without WebSocket sends commands by requests and receives events by server-sent events or long-poll.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use bytes::{Bytes, BytesMut};
use serde_json::Value;
use shared::errors::{ErrorCode, FieldError, LimitScope};
use shared::events::ClientCommand;
use shared::ids::StreamId;
use shared::streams::{MAX_COMMANDS, NewStream, STREAMS_PATH, StreamEvents};
use shared::text::InvalidCode;
use tokio::time::{Instant, timeout_at};

use super::body::{JsonValue, OptionalBody};
use super::endpoint::{Endpoint, Needs};
use super::event_stream::{self, EVENT_STREAM, Source};
use super::identity::{Reader, address};
use super::origin;
use super::query::{Query, WaitSchema};
use crate::app::App;
use crate::commands;
use crate::error::{AppError, AppResult};
use crate::realtime::frame::Frame;
use crate::realtime::outbox::numbered::{Dropped, Numbered};
use crate::realtime::retransmission::Acknowledgement;
use crate::streams::{Stream, StreamReader, TooManyCommands, task};

const STREAM_PATH: &str = "/api/v1/streams/{stream_id}";
const COMMANDS_PATH: &str = "/api/v1/streams/{stream_id}/commands";
const EVENTS_PATH: &str = "/api/v1/streams/{stream_id}/events";

/// A response of a long-poll takes no further events above this size, in bytes.
const MAX_POLLED_BYTES: usize = 256 * 1024;

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, STREAMS_PATH, Needs::Reading, create),
        Endpoint::new(Method::DELETE, STREAM_PATH, Needs::Reading, delete),
        Endpoint::new(Method::POST, COMMANDS_PATH, Needs::Reading, send),
        Endpoint::new(Method::GET, EVENTS_PATH, Needs::Reading, read),
    ]
}

/// The id of a stream in a path.
pub struct StreamPath(Option<StreamId>);

impl FromRequest for StreamPath {
    type Error = AppError;
    type Future = std::future::Ready<AppResult<Self>>;

    /// A text that is not a UUID is the id of no stream.
    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let id = request.match_info().get("stream_id").and_then(|id| id.parse().ok());
        std::future::ready(Ok(Self(id)))
    }
}

impl StreamPath {
    /// The stream, if it belongs to the reader.
    fn find(&self, app: &App, Reader(identity): &Reader) -> AppResult<Arc<Stream>> {
        let found = self.0.and_then(|id| app.streams.get(id, identity.as_ref()));
        found.ok_or_else(|| AppError::new(ErrorCode::StreamGone))
    }
}

/// Open a stream
///
/// A stream is a socket made of two halves, for networks that pass no WebSocket on. It counts as a socket in all limits,
/// and belongs to the session that opened it.
#[utoipa::path(post, path = STREAMS_PATH, operation_id = "create_stream", tag = "streams",
    security((), ("token" = []), ("cookie" = [])),
    responses((status = 201, description = "The stream, and what a socket says first", body = NewStream)))]
pub async fn create(
    request: HttpRequest,
    reader: Reader,
    app: web::Data<App>,
    // It says nothing, but is read, so that the connection stays usable.
    body: AppResult<OptionalBody>,
) -> AppResult<HttpResponse> {
    body?;
    origin::check_foreign(&app.config, request.headers())?;
    let registration = app.sessions.connect(address(&app, &request), reader.0)?;
    let (stream, hello) = task::open(&app, registration);
    let location = format!("{STREAMS_PATH}/{}", stream.id);
    let new = NewStream { id: stream.id, hello };
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(new))
}

/// Close a stream
#[utoipa::path(delete, path = STREAM_PATH, operation_id = "delete_stream", tag = "streams",
    security((), ("token" = []), ("cookie" = [])),
    params(("stream_id" = StreamId, Path)),
    responses(
        (status = 204, description = "Closed"),
        (status = 410, description = "stream_gone")))]
pub async fn delete(reader: Reader, app: web::Data<App>, path: StreamPath) -> AppResult<HttpResponse> {
    let found = path.0.and_then(|id| app.streams.get_to_close(id, reader.0.as_ref()));
    let stream = found.ok_or_else(|| AppError::new(ErrorCode::StreamGone))?;
    let was_gone = stream.is_gone();
    stream.close(&app.streams);
    if was_gone { Err(AppError::new(ErrorCode::StreamGone)) } else { Ok(HttpResponse::NoContent().finish()) }
}

/// Send commands
///
/// One command, or an array of up to 100, as on the WebSocket. They are executed in order, all or none are taken. What
/// comes of them arrives by the events.
#[utoipa::path(post, path = COMMANDS_PATH, operation_id = "send_commands", tag = "streams",
    security((), ("token" = []), ("cookie" = [])),
    params(("stream_id" = StreamId, Path)),
    request_body(content = Vec<Object>, content_type = "application/json"),
    responses(
        (status = 202, description = "Taken"),
        (status = 410, description = "stream_gone")))]
pub async fn send(
    reader: Reader,
    app: web::Data<App>,
    path: StreamPath,
    body: AppResult<JsonValue>,
) -> AppResult<HttpResponse> {
    let stream = path.find(&app, &reader)?;
    if stream.is_gone() {
        return Err(AppError::new(ErrorCode::StreamGone));
    }
    let commands = parse(body?.0)?;
    stream.send(commands).map_err(|TooManyCommands| {
        let mut error = AppError::because(ErrorCode::RateLimited, "Too many commands wait. Read the events.");
        (error.retry_after, error.scope) = (Some(1), Some(LimitScope::User));
        error
    })?;
    Ok(HttpResponse::Accepted().finish())
}

/// One command, or a list of them.
fn parse(body: Value) -> AppResult<Vec<ClientCommand>> {
    let items = match body {
        Value::Array(items) => {
            items.into_iter().enumerate().map(|(place, item)| (format!("/{place}"), item)).collect()
        }
        single => vec![(String::new(), single)],
    };
    if items.len() > MAX_COMMANDS {
        let detail = format!("There may be at most {MAX_COMMANDS} commands.");
        let error = FieldError { pointer: String::new(), code: InvalidCode::TooLong, detail };
        return Err(AppError::invalid(vec![error]));
    }
    let (mut read, mut errors) = (Vec::with_capacity(items.len()), Vec::new());
    for (pointer, item) in items {
        let command = match item {
            Value::Object(object) => commands::read(object).map_err(|_| InvalidCode::InvalidFormat),
            _ => Err(InvalidCode::InvalidType),
        };
        match command {
            Ok(command) => read.push(command),
            Err(code) => {
                let detail = "This is no command, or its fields are invalid.".to_owned();
                errors.push(FieldError { pointer, code, detail });
            }
        }
    }
    if errors.is_empty() { Ok(read) } else { Err(AppError::invalid(errors)) }
}

/// Receive events
///
/// As server-sent events with `Accept: text/event-stream`, and for clients that accept anything and give neither `after`
/// nor `wait`: the `id` is the number of the event, and `Last-Event-ID` continues after it. Else by long-poll: events
/// after `after`, or an empty list after `wait` seconds; asking after a number acknowledges everything up to it. A new
/// reader replaces the current one.
#[utoipa::path(get, path = EVENTS_PATH, operation_id = "list_stream_events", tag = "streams",
    security((), ("token" = []), ("cookie" = [])),
    params(("stream_id" = StreamId, Path), ("after" = Option<u64>, Query),
        ("wait" = inline(Option<WaitSchema>), Query)),
    responses(
        (status = 200, description = "The events", body = StreamEvents),
        (status = 410, description = "stream_gone"),
        (status = 422, description = "validation_failed")))]
pub async fn read(
    request: HttpRequest,
    reader: Reader,
    app: web::Data<App>,
    path: StreamPath,
    query: Query,
) -> AppResult<HttpResponse> {
    let stream = path.find(&app, &reader)?;
    let (after, wait) = (query.after()?, query.wait()?);
    let gone = |Dropped| AppError::new(ErrorCode::StreamGone);
    if takes_event_stream(&request, &query) {
        if request.method() == Method::HEAD {
            return Ok(event_stream::respond_without_body());
        }
        let after = match event_stream::last_event_id(request.headers()) {
            Some(id) => Some(event_stream::parse_id(&id)?),
            None => after,
        };
        let reader = stream.read(after, Acknowledgement::Written).map_err(gone)?;
        return Ok(event_stream::respond(reader));
    }
    let none = |next| HttpResponse::Ok().json(StreamEvents { events: Vec::new(), next });
    if request.method() == Method::HEAD {
        return Ok(none(after.unwrap_or_default()));
    }
    let until = Instant::now() + Duration::from_secs(wait.into());
    let mut reader = stream.read(after, Acknowledgement::Explicit).map_err(gone)?;
    let mut events = match timeout_at(until, reader.next()).await {
        Ok(Numbered::Events(events)) => events,
        Ok(Numbered::End) => return Err(AppError::new(ErrorCode::StreamGone)),
        // Nothing came, or another request waits in its place.
        Ok(Numbered::Replaced) | Err(_) => return Ok(none(reader.after())),
    };
    let mut bytes: usize = events.iter().map(|(_, frame)| frame.len()).sum();
    // What else is there already.
    while bytes < MAX_POLLED_BYTES
        && let Ok(Numbered::Events(more)) = timeout_at(Instant::now(), reader.next()).await
    {
        bytes += more.iter().map(|(_, frame)| frame.len()).sum::<usize>();
        events.extend(more);
    }
    let body = polled(&events, reader.after(), bytes);
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

/// Whether a client reads by server-sent events: it says so, or accepts anything and asks for nothing of a long-poll.
fn takes_event_stream(request: &HttpRequest, query: &Query) -> bool {
    let is_polling = query.get("after").is_some() || query.get("wait").is_some();
    match [EVENT_STREAM, "application/json"].map(|media_type| accepts(request.headers(), media_type)) {
        [Some(true), _] => true,
        [Some(false), _] | [_, Some(true)] => false,
        _ => !is_polling,
    }
}

/// Whether a client accepts a media type; `None` if its `Accept` does not name the type (RFC 9110, section 12.5.1).
fn accepts(headers: &HeaderMap, media_type: &str) -> Option<bool> {
    let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
    accept.split(',').find_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        is_named.then(|| weight.and_then(|weight| weight.parse::<f32>().ok()) != Some(0.0))
    })
}

/// The response of a long-poll, from events that are JSON already.
fn polled(events: &[(u64, Frame)], next: u64, bytes: usize) -> Bytes {
    let mut body = BytesMut::with_capacity(bytes + 32 * events.len() + 32);
    body.extend_from_slice(b"{\"events\":[");
    for (place, (n, frame)) in events.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        body.extend_from_slice(format!("{comma}{{\"n\":{n},\"event\":").as_bytes());
        body.extend_from_slice(frame.json());
        body.extend_from_slice(b"}");
    }
    body.extend_from_slice(format!("],\"next\":{next}}}").as_bytes());
    body.freeze()
}

impl Source for StreamReader {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        StreamReader::poll_next(self, context).map(|events| {
            let Numbered::Events(events) = events else { return None };
            let mut encoded = BytesMut::new();
            for (n, frame) in events {
                event_stream::encode(&mut encoded, Some(&n.to_string()), None, &frame);
            }
            Some(encoded.freeze())
        })
    }
}
