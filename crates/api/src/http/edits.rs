//! Former texts of messages.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::edits::Edit;
use shared::errors::ErrorCode;
use shared::ids::{MessageId, RoomId};
use shared::members::Operation;
use shared::page::Page;

use super::endpoint::{Endpoint, Needs};
use super::identity::SignedIn;
use super::messages::{MessagePath, visible};
use super::rooms::{RoomPath, input, read};
use crate::app::App;
use crate::db;
use crate::error::AppResult;
use crate::rooms::edits;

const EDITS_PATH: &str = "/api/v1/rooms/{room_id}/messages/{message_id}/edits";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    let delete_needs = Needs::Room(&[Operation::DeleteMessage, Operation::DeleteAnyMessage]);
    vec![
        Endpoint::new(Method::GET, EDITS_PATH, Needs::Room(&[Operation::ViewEdits]), list),
        Endpoint::new(Method::DELETE, EDITS_PATH, delete_needs, delete),
    ]
}

/// List the former texts of a message
///
/// Newest first, on one page: the newest 50 are kept.
#[utoipa::path(get, path = EDITS_PATH, operation_id = "list_edits", tag = "messages",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("message_id" = MessageId, Path)),
    responses(
        (status = 200, description = "The former texts", body = Page<Edit>),
        (status = 403, description = "not_allowed, banned"),
        (status = 409, description = "message_deleted")))]
pub async fn list(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    id: AppResult<MessagePath>,
) -> AppResult<HttpResponse> {
    let by = identity.principal();
    let MessagePath(id) = input(&app, by, room_id, Operation::ViewEdits, id).await?;
    let edits = read(&app, move |conn| {
        if visible(conn, room_id, id, by, Operation::ViewEdits)?.deleted_at.is_some() {
            return Err(ErrorCode::MessageDeleted.into());
        }
        Ok(db::edits::list(conn, id)?)
    });
    Ok(HttpResponse::Ok().json(Page { items: edits.await?, next_cursor: None, prev_cursor: None }))
}

/// Delete the former texts of a message
///
/// For its author and for moderators, such as when a password was pasted by mistake.
#[utoipa::path(delete, path = EDITS_PATH, operation_id = "delete_edits", tag = "messages",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("message_id" = MessageId, Path)),
    responses(
        (status = 204, description = "Deleted, now or before"),
        (status = 403, description = "not_author, banned"),
        (status = 409, description = "message_deleted")))]
pub async fn delete(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    id: AppResult<MessagePath>,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    let MessagePath(id) = input(&app, identity.principal(), room_id, Operation::View, id).await?;
    app.limits.change_message(by, room_id, app.hub.sees(by, room_id))?;
    app.writer.change(room_id, move |conn, attempt| edits::delete(conn, room_id, id, by, attempt)).await?;
    Ok(HttpResponse::NoContent().finish())
}
