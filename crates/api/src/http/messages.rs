//! Messages of a room.

use actix_web::http::{Method, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use serde::Serialize;
use shared::errors::ErrorCode;
use shared::files::{AltText, AttachmentClaim, MAX_ATTACHMENTS};
use shared::ids::{MessageId, RoomId, Seq};
use shared::members::Operation;
use shared::messages::{
    Author, CreateMessage, Message, MessageAnswer, MessagePage, MessageText, UpdateMessage, message_path,
    messages_path,
};
use shared::page::Cursor;
use shared::reactions::Mine;
use shared::replies::Thread;
use shared::text::{Invalid, InvalidCode};
use uuid::Uuid;

use super::body::{Fields, JsonBody};
use super::endpoint::{Endpoint, Needs};
use super::formatting::{format, read_mentions};
use super::identity::{Reader, SignedIn};
use super::query::{LimitSchema, PositionSchema, Query, linked_response, message_page_response};
use super::rooms::{RoomPath, input, or_no_room, permitted, read};
use crate::app::App;
use crate::clock;
use crate::db::messages::{NewMessage, Position, parse_cursor};
use crate::db::{self, Conn, DbError};
use crate::error::{AppError, AppResult};
use crate::formatting::Formatted;
use crate::policy::Principal;
use crate::realtime::newest::{Json, MAX_MESSAGES, NewestPage};
use crate::rooms::error::RoomResult;
use crate::rooms::messages::{self, Sent};

const MESSAGES_PATH: &str = "/api/v1/rooms/{room_id}/messages";
const MESSAGE_PATH: &str = "/api/v1/rooms/{room_id}/messages/{message_id}";

const VIEW: &[Operation] = &[Operation::View];
const EDIT: &[Operation] = &[Operation::EditMessage, Operation::EditAnyMessage];
const DELETE: &[Operation] = &[Operation::DeleteMessage, Operation::DeleteAnyMessage];

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, MESSAGES_PATH, Needs::Room(VIEW), list),
        Endpoint::new(Method::POST, MESSAGES_PATH, Needs::Room(&[Operation::Send]), create),
        Endpoint::new(Method::GET, MESSAGE_PATH, Needs::Room(VIEW), get),
        Endpoint::new(Method::PATCH, MESSAGE_PATH, Needs::Room(EDIT), update),
        Endpoint::new(Method::DELETE, MESSAGE_PATH, Needs::Room(DELETE), delete),
    ]
}

/// The message id in a path.
pub struct MessagePath(pub MessageId);

impl FromRequest for MessagePath {
    type Error = AppError;
    type Future = std::future::Ready<AppResult<Self>>;

    /// A text that is not a UUID is answered with 404, like an unknown id.
    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let id = request.match_info().query("message_id").parse().map(Self);
        std::future::ready(id.map_err(|_| AppError::new(ErrorCode::MessageNotFound)))
    }
}

/// One page of a room's messages, oldest to newest
///
/// Without a position, the newest page. `before`, `after` and `around` are mutually exclusive. `around` also accepts
/// the id or the `seq` of a message. With `thread`, only the first message of that thread and its replies.
#[utoipa::path(get, path = MESSAGES_PATH, operation_id = "list_messages", tag = "messages",
    security((), ("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("limit" = inline(Option<LimitSchema>), Query),
        ("position" = inline(Option<PositionSchema>), Query, style = Form, explode),
        ("thread" = inline(Option<MessageId>), Query)),
    responses(
        (status = 200, description = "A page of messages", body = MessagePage,
            headers(("Link" = String, description = "The pages before and after this one (RFC 8288)"))),
        (status = 404, description = "message_not_found")))]
pub async fn list(
    reader: Reader,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    query: Query,
) -> AppResult<HttpResponse> {
    let by = reader.principal();
    let parsed = query.limit().and_then(|limit| Ok((limit, parse_position(&query)?, parse_thread(&query)?)));
    let (limit, position, thread) = input(&app, by, room_id, Operation::View, parsed).await?;
    if let Some(root) = thread {
        let reader = db::Reader::Client(by);
        let list =
            move |conn: &mut Conn| db::messages::list_thread(conn, reader, room_id, root, position, limit);
        let page = or_no_room(app.db.run(list).await)?;
        let page = page.ok_or_else(|| AppError::new(ErrorCode::MessageNotFound))?;
        let path = format!("{}?thread={root}", messages_path(room_id));
        return Ok(message_page_response(&page, &path, limit));
    }
    if position == Position::Newest
        && let Some(page) = newest(&app, by, room_id, limit).await?
    {
        let cursors = (&page.prev_cursor, &page.next_cursor);
        return Ok(linked_response(&page, cursors, &messages_path(room_id), limit, ("before", "after")));
    }
    let read = app
        .db
        .run(move |conn| db::messages::list(conn, db::Reader::Client(by), room_id, position, limit))
        .await;
    let page = or_no_room(read)?.ok_or_else(|| AppError::new(ErrorCode::MessageNotFound))?;
    Ok(message_page_response(&page, &messages_path(room_id), limit))
}

/// A [`MessagePage`] whose messages and quotes are JSON already.
#[derive(Serialize)]
struct KeptPage {
    items: Vec<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<KeptContext>,
    #[serde(skip_serializing_if = "Mine::is_empty")]
    mine: Mine,
    next_cursor: Option<Cursor>,
    prev_cursor: Option<Cursor>,
}

/// The [`shared::replies::Context`] of a [`KeptPage`].
#[derive(Serialize)]
struct KeptContext {
    quotes: Vec<Json>,
    threads: Vec<Thread>,
}

/// The newest page from the cache, if the room has followers.
async fn newest(app: &App, by: Principal, room_id: RoomId, limit: u32) -> AppResult<Option<KeptPage>> {
    let mut kept = app.hub.newest(by.id, room_id, limit);
    if kept.is_none() && app.hub.is_followed(room_id) {
        let reader = db::Reader::Client(by);
        let read = app.db.run(move |conn| db::messages::newest(conn, reader, room_id, MAX_MESSAGES)).await;
        let (rev, messages, beside) = or_no_room(read)?;
        app.hub.keep_newest(room_id, rev, &messages, &beside.context);
        kept = app.hub.newest(by.id, room_id, limit);
    }
    let Some(NewestPage { items, first, quotes, threads, sums }) = kept else { return Ok(None) };
    let mut mine = Mine::new();
    if let Some(user) = by.id {
        let (own, unclear) = db::reactions::own(sums, user);
        mine = own;
        if !unclear.is_empty() {
            mine.extend(app.db.run(move |conn| db::reactions::of_user(conn, user, &unclear)).await?);
        }
    }
    let prev_cursor = first.filter(|first| *first > Seq(1)).map(db::messages::cursor);
    let is_alone = quotes.is_empty() && threads.is_empty();
    let context = (!is_alone).then_some(KeptContext { quotes, threads });
    Ok(Some(KeptPage { items, context, mine, next_cursor: None, prev_cursor }))
}

/// Parses the position of a page.
fn parse_position(query: &Query) -> AppResult<Position> {
    let cursor = |text: &str| parse_cursor(text).map_err(|_| AppError::new(ErrorCode::InvalidCursor));
    match (query.get("before"), query.get("after"), query.get("around")) {
        (None, None, None) => Ok(Position::Newest),
        (Some(text), None, None) => Ok(Position::Before(cursor(text)?)),
        (None, Some(text), None) => Ok(Position::After(cursor(text)?)),
        (None, None, Some(text)) => match (text.parse(), text.parse()) {
            (Ok(id), _) => Ok(Position::AroundMessage(id)),
            (_, Ok(seq @ 1..)) => Ok(Position::Around(Seq(seq))),
            _ => Ok(Position::Around(cursor(text)?)),
        },
        (before, _, _) => {
            let name = if before.is_some() { "before" } else { "after" };
            let detail = "Only one of before, after and around can be given.";
            Err(AppError::invalid_field(name, InvalidCode::MutuallyExclusive, detail))
        }
    }
}

/// The first message of the thread that is asked for.
fn parse_thread(query: &Query) -> AppResult<Option<MessageId>> {
    let Some(text) = query.get("thread") else { return Ok(None) };
    if query.get("around").is_some() {
        let detail = "around cannot be given with thread.";
        return Err(AppError::invalid_field("around", InvalidCode::MutuallyExclusive, detail));
    }
    text.parse().map(Some).map_err(|_| {
        AppError::invalid_field("thread", InvalidCode::InvalidFormat, "thread must be the id of a message.")
    })
}

/// Send a message
///
/// With an `id` chosen by the client, the request can be repeated safely: a repeat answers 200.
#[utoipa::path(post, path = MESSAGES_PATH, operation_id = "create_message", tag = "messages",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)), request_body = CreateMessage,
    responses(
        (status = 201, description = "The new message", body = Message,
            headers(("Location" = String, description = "The path of the message"))),
        (status = 200, description = "A repeat: the current message", body = Message,
            headers(("Location" = String, description = "The path of the message"))),
        (status = 403, description = "banned, muted, members_only"),
        (status = 409, description = "message_id_reused, message_deleted")))]
pub async fn create(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    body: AppResult<JsonBody>,
) -> AppResult<HttpResponse> {
    let create = body.and_then(|body| {
        body.read(|fields| {
            let attachments = fields.objects("attachments", MAX_ATTACHMENTS, read_claim).unwrap_or_default();
            let parse =
                if attachments.is_empty() { MessageText::parse } else { MessageText::parse_beside_files };
            let text = fields.required("text", |text| parse(text, identity.user.kind));
            let id = fields.optional("id", parse_id);
            let reply_to = fields.optional("reply_to", |text| parse_message_id("reply_to", text));
            let mentions = read_mentions(fields);
            Some(CreateMessage { text: text?, id, attachments, reply_to, mentions })
        })
    });
    let CreateMessage { text, id, attachments, reply_to, mentions } =
        input(&app, identity.principal(), room_id, Operation::Send, create).await?;
    let by = identity.user.id;
    app.limits.change_message(by, room_id, app.hub.sees(by, room_id))?;
    let format = format(&app, room_id, identity.principal(), text.as_str(), mentions).await?;
    let new = NewMessage {
        id: id.unwrap_or_else(|| MessageId(Uuid::now_v7())),
        room_id,
        author: Author::from(identity.user.as_ref()),
        text,
        format,
        reply_to,
        attachments,
        created_at: clock::now(),
    };
    // A repeat mentions nobody again.
    if new.format.everyone && (id.is_none() || !is_repeat(&app, &new).await?) {
        app.limits.mention_everyone(room_id)?;
    }
    let (mut response, message) = match app.writer.create_message(new).await? {
        Sent::Created(message) => (HttpResponse::Created(), message),
        Sent::Repeated(message) => (HttpResponse::Ok(), message),
    };
    Ok(response.insert_header((header::LOCATION, message_path(room_id, message.id))).json(message))
}

/// Whether the message was stored by the same request.
async fn is_repeat(app: &App, new: &NewMessage) -> AppResult<bool> {
    let new = new.clone();
    let found = app.db.run(move |conn| db::messages::find_repeated(conn, &new)).await?;
    Ok(matches!(found, Some((_, true))))
}

/// Read a message
///
/// A deleted message is answered with its tombstone.
#[utoipa::path(get, path = MESSAGE_PATH, operation_id = "get_message", tag = "messages",
    security((), ("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("message_id" = MessageId, Path)),
    responses((status = 200, description = "The message or its tombstone", body = MessageAnswer)))]
pub async fn get(
    reader: Reader,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    id: AppResult<MessagePath>,
) -> AppResult<HttpResponse> {
    let by = reader.principal();
    let MessagePath(id) = input(&app, by, room_id, Operation::View, id).await?;
    let answer = read(&app, move |conn| {
        let message = visible(conn, room_id, id, by, Operation::View)?;
        let beside = db::replies::beside(conn, std::slice::from_ref(&message), by.id)?;
        Ok(MessageAnswer { message, context: beside.context, mine: beside.mine })
    });
    Ok(HttpResponse::Ok().json(answer.await?))
}

/// A message of a room in which the caller may do this.
pub(super) fn visible(
    conn: &mut Conn,
    room_id: RoomId,
    id: MessageId,
    by: Principal,
    operation: Operation,
) -> RoomResult<Message> {
    permitted(conn, room_id, by, operation)?;
    match db::messages::get(conn, room_id, id) {
        Err(DbError::NotFound) => Err(ErrorCode::MessageNotFound.into()),
        message => Ok(message?),
    }
}

/// Edit a message
///
/// Changes the text, drops files, or says anew what they show.
#[utoipa::path(patch, path = MESSAGE_PATH, operation_id = "update_message", tag = "messages",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("message_id" = MessageId, Path)), request_body = UpdateMessage,
    responses(
        (status = 200, description = "The current message", body = Message),
        (status = 403, description = "not_author, banned, muted"),
        (status = 409, description = "message_deleted")))]
pub async fn update(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    id: AppResult<MessagePath>,
    body: AppResult<JsonBody>,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    let MessagePath(id) = input(&app, identity.principal(), room_id, Operation::View, id).await?;
    let update = body.and_then(|body| {
        body.read(|fields| {
            let kind = identity.user.kind;
            // Whether the message has files is judged under the room's lock.
            let text = fields.optional("text", |text| MessageText::parse_beside_files(text, kind));
            let attachments = fields.objects("attachments", MAX_ATTACHMENTS, read_claim);
            let mentions = read_mentions(fields);
            Some(UpdateMessage { text, attachments, mentions })
        })
    });
    let update = match update {
        Ok(update) => update,
        Err(error) => {
            let principal = identity.principal();
            read(&app, move |conn| may_edit(conn, room_id, id, principal)).await?;
            return Err(error);
        }
    };
    app.limits.change_message(by, room_id, app.hub.sees(by, room_id))?;
    let mut formatted = Formatted::default();
    if let Some(text) = &update.text {
        let mentions = update.mentions.clone();
        formatted = format(&app, room_id, identity.principal(), text.as_str(), mentions).await?;
        if formatted.everyone {
            app.limits.mention_everyone(room_id)?;
        }
    }
    let change = app.writer.change(room_id, move |conn, attempt| {
        messages::update(conn, room_id, id, by, &update, &formatted, attempt)
    });
    let message = change.await?;
    Ok(HttpResponse::Ok().json(message))
}

/// Delete a message
///
/// A tombstone remains in its position. Deleting it again changes nothing.
#[utoipa::path(delete, path = MESSAGE_PATH, operation_id = "delete_message", tag = "messages",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("message_id" = MessageId, Path)),
    responses(
        (status = 204, description = "Deleted, now or before"),
        (status = 403, description = "not_author, banned")))]
pub async fn delete(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    id: AppResult<MessagePath>,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    let MessagePath(id) = input(&app, identity.principal(), room_id, Operation::View, id).await?;
    app.limits.change_message(by, room_id, app.hub.sees(by, room_id))?;
    app.writer.change(room_id, move |conn, attempt| messages::delete(conn, room_id, id, by, attempt)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn parse_message_id(field: &str, text: &str) -> Result<MessageId, Invalid> {
    let invalid =
        |_| Invalid::new(InvalidCode::InvalidFormat, format!("{field} must be the id of a message."));
    text.parse().map_err(invalid)
}

/// A file that a message takes or keeps.
fn read_claim(fields: &mut Fields) -> Option<AttachmentClaim> {
    let id = fields.required("id", |text| {
        let detail = "id must be a UUID.";
        text.parse().map_err(|_| Invalid::new(InvalidCode::InvalidFormat, detail))
    });
    let alt = fields.nullable("alt", AltText::parse);
    Some(AttachmentClaim { id: id?, alt })
}

/// Checks that the caller may edit a message.
fn may_edit(conn: &mut Conn, room_id: RoomId, id: MessageId, by: Principal) -> RoomResult<()> {
    permitted(conn, room_id, by, Operation::View)?;
    let message = match db::messages::get(conn, room_id, id) {
        Err(DbError::NotFound) => return Err(ErrorCode::MessageNotFound.into()),
        message => message?,
    };
    let is_own = by.id == Some(message.author.id);
    let operation = if is_own { Operation::EditMessage } else { Operation::EditAnyMessage };
    permitted(conn, room_id, by, operation).map(|_| ())
}

fn parse_id(text: &str) -> Result<MessageId, Invalid> {
    text.parse()
        .map_err(|_| Invalid::new(InvalidCode::InvalidFormat, "id must be a UUID, best of version 7."))
}
