//! Pinned messages.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::ids::{MessageId, RoomId};
use shared::members::Operation;
use shared::messages::{MessageAnswer, MessagePage};

use super::endpoint::{Endpoint, Needs};
use super::identity::{Reader, SignedIn};
use super::messages::MessagePath;
use super::rooms::{RoomPath, input, permitted, read};
use crate::app::App;
use crate::db;
use crate::error::AppResult;
use crate::rooms::pins;

const PINS_PATH: &str = "/api/v1/rooms/{room_id}/pins";
const PIN_PATH: &str = "/api/v1/rooms/{room_id}/pins/{message_id}";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    let pin = Needs::Room(&[Operation::Pin]);
    vec![
        Endpoint::new(Method::GET, PINS_PATH, Needs::Room(&[Operation::View]), list),
        Endpoint::new(Method::PUT, PIN_PATH, pin, create),
        Endpoint::new(Method::DELETE, PIN_PATH, pin, delete),
    ]
}

/// List the pinned messages of a room
///
/// Newest pin first, on one page: there are at most 50.
#[utoipa::path(get, path = PINS_PATH, operation_id = "list_pins", tag = "messages",
    security((), ("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)),
    responses((status = 200, description = "The pinned messages", body = MessagePage)))]
pub async fn list(
    reader: Reader,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
) -> AppResult<HttpResponse> {
    let by = reader.principal();
    let page = read(&app, move |conn| {
        permitted(conn, room_id, by, Operation::View)?;
        let items = db::messages::pinned(conn, room_id)?;
        let beside = db::replies::beside(conn, &items, by.id)?;
        let (context, mine) = (beside.context, beside.mine);
        Ok(MessagePage { items, context, mine, next_cursor: None, prev_cursor: None })
    });
    Ok(HttpResponse::Ok().json(page.await?))
}

/// Pin a message
///
/// A repeat changes nothing.
#[utoipa::path(put, path = PIN_PATH, operation_id = "create_pin", tag = "messages",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("message_id" = MessageId, Path)),
    responses(
        (status = 200, description = "The current message", body = MessageAnswer),
        (status = 403, description = "not_allowed, banned"),
        (status = 409, description = "message_deleted, too_many_pins")))]
pub async fn create(
    identity: SignedIn,
    app: web::Data<App>,
    room: RoomPath,
    id: AppResult<MessagePath>,
) -> AppResult<HttpResponse> {
    set(identity, app, room, id, true).await
}

/// Unpin a message
///
/// A repeat changes nothing.
#[utoipa::path(delete, path = PIN_PATH, operation_id = "delete_pin", tag = "messages",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("message_id" = MessageId, Path)),
    responses(
        (status = 200, description = "The current message", body = MessageAnswer),
        (status = 403, description = "not_allowed, banned"),
        (status = 409, description = "message_deleted")))]
pub async fn delete(
    identity: SignedIn,
    app: web::Data<App>,
    room: RoomPath,
    id: AppResult<MessagePath>,
) -> AppResult<HttpResponse> {
    set(identity, app, room, id, false).await
}

async fn set(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    id: AppResult<MessagePath>,
    is_pinned: bool,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    let MessagePath(id) = input(&app, identity.principal(), room_id, Operation::Pin, id).await?;
    app.limits.change_membership(by)?;
    let change =
        app.writer.change(room_id, move |conn, attempt| pins::set(conn, room_id, id, by, is_pinned, attempt));
    Ok(HttpResponse::Ok().json(change.await?))
}
