//! The changes of a room: by page, as soon as there are any, or as server-sent events.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use shared::errors::ErrorCode;
use shared::ids::{Epoch, Rev, RoomId};
use shared::members::Operation;
use shared::messages::Changes;
use shared::text::InvalidCode;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::endpoint::{Endpoint, Needs};
use super::event_stream::{self, Source};
use super::identity::{Reader, address};
use super::query::{LimitSchema, Query, WaitSchema};
use super::rooms::{RoomPath, input};
use crate::app::App;
use crate::change_reads::ChangeRead;
use crate::commands::Commands;
use crate::error::{AppError, AppResult};
use crate::read_marks;
use crate::realtime::connection::{Connection, Identity};
use crate::realtime::frame::Frame;
use crate::realtime::hub::Registration;
use crate::realtime::outbox::Next;
use crate::realtime::queue::Chunk;
use crate::realtime::watch::Watch;

const CHANGES_PATH: &str = "/api/v1/rooms/{room_id}/changes";
const EVENTS_PATH: &str = "/api/v1/rooms/{room_id}/events";
const EPOCH_HEADER: HeaderName = HeaderName::from_static("parlance-epoch");
const VIEW: &[Operation] = &[Operation::View];

/// How often a waiting request checks that its session still exists. The loss of a right is a change, which wakes it; the
/// end of a session is not.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, CHANGES_PATH, Needs::Room(VIEW), list),
        Endpoint::new(Method::GET, EVENTS_PATH, Needs::Room(VIEW), follow),
    ]
}

/// List the changes of a room after a rev
///
/// Each changed message and membership once, in its current state, ordered by `rev`. While `has_more`, continue with
/// `since` set to the `rev` of the response. With `wait`, a request that finds nothing is answered as soon as there is
/// something, or with an empty list after so many seconds. With the `epoch` of the last response, a client that missed a
/// restored backup is told so by 422.
#[utoipa::path(get, path = CHANGES_PATH, operation_id = "list_changes", tag = "messages",
    security((), ("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("since" = inline(Option<Rev>), Query),
        ("limit" = inline(Option<LimitSchema>), Query), ("wait" = inline(Option<WaitSchema>), Query),
        ("epoch" = inline(Option<Epoch>), Query)),
    responses((status = 200, description = "The changes", body = Changes,
        headers(("Parlance-Epoch" = String, description = "Of which database: give it back as `epoch`")))))]
pub async fn list(
    request: HttpRequest,
    reader: Reader,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    query: Query,
) -> AppResult<HttpResponse> {
    let by = reader.principal();
    let parsed = query.limit().and_then(|limit| {
        check_epoch(&app, &query)?;
        Ok((limit, query.since()?.unwrap_or_default(), query.wait()?))
    });
    let (limit, since, wait) = input(&app, by, room_id, Operation::View, parsed).await?;
    let read = ChangeRead { by, room_id, since, limit };
    let changes = if wait == 0 || request.method() == Method::HEAD {
        let changes = app.change_reads.read(read).await?;
        check_since(since, &changes)?;
        changes
    } else {
        // It waits before it reads, so that it misses no change in between.
        let watch = app.hub.watch(address(&app, &request), by.id, room_id)?;
        let wait = Duration::from_secs(wait.into());
        Arc::unwrap_or_clone(wait_for_changes(&app, reader.0.as_ref(), read, watch, wait).await?)
    };
    let room = read_marks::seen_by(&app, by.id, changes.room).await?;
    let mut response = HttpResponse::Ok().json(Changes { room, ..changes });
    add_epoch(&app, &mut response);
    Ok(response)
}

/// Reads changes as soon as there are any, or nothing after `wait`.
async fn wait_for_changes(
    app: &App,
    identity: Option<&Identity>,
    read: ChangeRead,
    mut watch: Watch,
    wait: Duration,
) -> AppResult<Arc<Changes>> {
    let until = Instant::now() + wait;
    let mut changes = Arc::new(app.change_reads.read(read).await?);
    check_since(read.since, &changes)?;
    while changes.rev <= read.since && !app.is_draining() {
        tokio::select! {
            published = watch.changed() => changes = app.change_reads.read_together(read, published).await?,
            () = sleep_until(until) => break,
            () = sleep(CHECK_INTERVAL) => {}
        }
        check_session(app, identity).await?;
    }
    Ok(changes)
}

/// Checks that the session of a waiting client still exists. It is cached, so this rarely reads the database.
async fn check_session(app: &App, identity: Option<&Identity>) -> AppResult<()> {
    let Some(Identity { session, scopes, .. }) = identity else { return Ok(()) };
    match app.sessions.get(*session, scopes.is_some()).await {
        Ok(None) => Err(AppError::new(ErrorCode::InvalidToken)),
        // A database that does not answer ends no session.
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

fn check_since(since: Rev, changes: &Changes) -> AppResult<()> {
    if since <= changes.room.rev {
        return Ok(());
    }
    let detail = "since lies beyond the room's rev: forget what you have of this room.";
    Err(AppError::invalid_field("since", InvalidCode::OutOfRange, detail))
}

/// Checks that `since` is of this database, and not of one that was replaced by a backup.
fn check_epoch(app: &App, query: &Query) -> AppResult<()> {
    match query.epoch()? {
        Some(epoch) if epoch != app.epoch => {
            let detail = "The database was restored from a backup: forget what you have of this server.";
            Err(AppError::invalid_field("epoch", InvalidCode::OutOfRange, detail))
        }
        _ => Ok(()),
    }
}

/// Says which database the changes are of.
fn add_epoch(app: &App, response: &mut HttpResponse) {
    // The text of a UUID is a valid value.
    if let Ok(value) = HeaderValue::from_str(&app.epoch.to_string()) {
        response.headers_mut().insert(EPOCH_HEADER, value);
    }
}

/// Follow the changes of a room
///
/// As server-sent events, each with its `rev` as the `id`, its type as the `event`, and the object of the WebSocket as the
/// `data`. `Last-Event-ID`, or else `since`, says which change the client has: those after it come first, however many.
/// Without either it starts live. It ends with `room_removed` or `room_deleted`.
#[utoipa::path(get, path = EVENTS_PATH, operation_id = "follow_changes", tag = "messages",
    security((), ("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("since" = inline(Option<Rev>), Query),
        ("epoch" = inline(Option<Epoch>), Query)),
    responses(
        (status = 200, description = "The changes", body = String, content_type = "text/event-stream",
            headers(("Parlance-Epoch" = String, description = "Of which database: give it back as `epoch`"))),
        (status = 422, description = "validation_failed")))]
pub async fn follow(
    request: HttpRequest,
    reader: Reader,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    query: Query,
) -> AppResult<HttpResponse> {
    let by = reader.principal();
    let last = event_stream::last_event_id(request.headers());
    let parsed = check_epoch(&app, &query).and_then(|()| match last {
        Some(id) => event_stream::parse_id(&id).map(|rev| Some(Rev(rev))),
        None => query.since(),
    });
    let since = input(&app, by, room_id, Operation::View, parsed).await?;
    let read = ChangeRead { by, room_id, since: since.unwrap_or(Rev(i64::MAX)), limit: 1 };
    let changes = app.change_reads.read(read).await?;
    check_since(since.unwrap_or_default(), &changes)?;
    if request.method() == Method::HEAD {
        let mut response = event_stream::respond_without_body();
        add_epoch(&app, &mut response);
        return Ok(response);
    }
    let registration = app.sessions.connect(address(&app, &request), reader.0)?;
    let (resume, resumed) = mpsc::channel(1);
    actix_web::rt::spawn(run(app.clone(), registration.connection().clone(), room_id, since, resumed));
    let events = RoomEvents { registration, room_id, last: since, is_live: false, resume };
    let mut response = event_stream::respond(events);
    add_epoch(&app, &mut response);
    Ok(response)
}

/// Follows a room, and again whenever the reader asks for what it lacks.
async fn run(
    app: web::Data<App>,
    connection: Arc<Connection>,
    room_id: RoomId,
    mut since: Option<Rev>,
    mut resumed: mpsc::Receiver<Option<Rev>>,
) {
    let commands = Commands::new(&app, &connection);
    loop {
        if let Err(code) = commands.follow(room_id, since).await {
            connection.outbox.close(code);
        }
        since = match resumed.recv().await {
            Some(since) => since,
            // The response has ended.
            None => return,
        };
    }
}

/// The changes of a room, of all that a connection receives.
struct RoomEvents {
    registration: Registration,
    room_id: RoomId,
    /// The last change that the client has; `None` before the first one of a client that starts live.
    last: Option<Rev>,
    /// Whether the room is followed, so that all later changes come.
    is_live: bool,
    /// Asks for the changes after this one.
    resume: mpsc::Sender<Option<Rev>>,
}

impl RoomEvents {
    /// Encodes the changes among these frames. Returns false after the last one.
    fn encode(&mut self, frames: &[Frame], into: &mut BytesMut) -> bool {
        for frame in frames.iter().filter(|frame| frame.room_id() == Some(self.room_id)) {
            match (frame.event_type(), frame.rev()) {
                ("subscribed", rev) => {
                    self.is_live = true;
                    self.last = self.last.or(rev);
                }
                // The subscription was refused.
                ("error", _) => return false,
                ("room_removed", _) => {
                    event_stream::encode(into, None, Some("room_removed"), frame);
                    return false;
                }
                // Too many changes to send at once: they are replayed, as if the client had reconnected.
                ("resync", _) if self.is_live => {
                    self.is_live = false;
                    // The channel holds one request. The next one is sent only after its answer.
                    let _ = self.resume.try_send(self.last);
                }
                (event_type, Some(rev)) if self.is_live || event_type == "room_deleted" => {
                    if self.last.is_none_or(|last| rev > last) {
                        self.last = Some(rev);
                        event_stream::encode(into, Some(&rev.to_string()), Some(event_type), frame);
                    }
                    if event_type == "room_deleted" {
                        return false;
                    }
                }
                _ => {}
            }
        }
        true
    }
}

impl Source for RoomEvents {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let connection = self.registration.connection().clone();
            let mut encoded = BytesMut::new();
            let goes_on = match std::task::ready!(connection.outbox.poll_next(context)) {
                Next::Frames(Chunk::One(frame)) => self.encode(&[frame], &mut encoded),
                Next::Frames(Chunk::Many(frames)) => self.encode(&frames, &mut encoded),
                Next::Close(_) | Next::Finish(_) => false,
            };
            if !goes_on {
                // Nothing more is taken, and what was encoded is the last.
                connection.outbox.transport_gone();
            }
            if !encoded.is_empty() {
                return Poll::Ready(Some(encoded.freeze()));
            }
            if !goes_on {
                return Poll::Ready(None);
            }
        }
    }
}

impl Drop for RoomEvents {
    fn drop(&mut self) {
        self.registration.connection().outbox.transport_gone();
    }
}
