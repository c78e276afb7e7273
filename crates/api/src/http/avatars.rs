//! The pictures of users and rooms.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::files::CURRENT_AVATAR_PATH;
use shared::ids::RoomId;
use shared::members::Operation;
use shared::rooms::Room;
use shared::users::Me;

use super::endpoint::{Endpoint, Needs};
use super::file_body::{FileBody, FileBytes};
use super::identity::SignedIn;
use super::rooms::{RoomPath, permitted, read};
use super::uploads::begin;
use crate::app::App;
use crate::db::Conn;
use crate::error::AppResult;
use crate::files::MAX_AVATAR_BYTES;
use crate::files::key::{FileKey, Purpose};
use crate::rooms::settings;

const ROOM_AVATAR_PATH: &str = "/api/v1/rooms/{room_id}/avatar";
const UPDATE: Needs = Needs::Room(&[Operation::UpdateRoom]);

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::PUT, CURRENT_AVATAR_PATH, Needs::Session, set_of_user),
        Endpoint::new(Method::DELETE, CURRENT_AVATAR_PATH, Needs::Session, remove_of_user),
        Endpoint::new(Method::PUT, ROOM_AVATAR_PATH, UPDATE, set_of_room),
        Endpoint::new(Method::DELETE, ROOM_AVATAR_PATH, UPDATE, remove_of_room),
    ]
}

/// Set the picture of the current user
///
/// The body is a PNG, JPEG, GIF or WebP image of at most 5 MiB and 40 megapixels. The square in its middle is kept in 256
/// and 64 pixels, without metadata.
#[utoipa::path(put, path = CURRENT_AVATAR_PATH, operation_id = "set_current_avatar", tag = "files",
    security(("token" = []), ("cookie" = [])),
    request_body(content = inline(FileBytes), content_type = "image/*"),
    responses(
        (status = 200, description = "The user", body = Me),
        (status = 415, description = "unsupported_image"),
        (status = 422, description = "validation_failed"),
        (status = 507, description = "storage_full")))]
pub async fn set_of_user(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    mut body: FileBody,
) -> AppResult<HttpResponse> {
    let user = identity.user.id;
    app.limits.change_avatar(user)?;
    body.follow(&app, &identity);
    let key = store(&app, &mut body).await?;
    let me = app.accounts.set_avatar(&app.sessions, user, Some(key)).await?;
    app.tasks.wake();
    Ok(HttpResponse::Ok().json(me))
}

/// Remove the picture of the current user
#[utoipa::path(delete, path = CURRENT_AVATAR_PATH, operation_id = "remove_current_avatar", tag = "files",
    security(("token" = []), ("cookie" = [])),
    responses((status = 200, description = "The user", body = Me)))]
pub async fn remove_of_user(SignedIn(identity): SignedIn, app: web::Data<App>) -> AppResult<HttpResponse> {
    if identity.user.avatar_url.is_none() {
        return Ok(HttpResponse::Ok().json(identity.me()));
    }
    app.limits.change_avatar(identity.user.id)?;
    let me = app.accounts.set_avatar(&app.sessions, identity.user.id, None).await?;
    app.tasks.wake();
    Ok(HttpResponse::Ok().json(me))
}

/// Set the picture of a room
///
/// The same images as for users.
#[utoipa::path(put, path = ROOM_AVATAR_PATH, operation_id = "set_room_avatar", tag = "files",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)),
    request_body(content = inline(FileBytes), content_type = "image/*"),
    responses(
        (status = 200, description = "The room", body = Room),
        (status = 403, description = "not_allowed, banned"),
        (status = 415, description = "unsupported_image"),
        (status = 422, description = "validation_failed"),
        (status = 507, description = "storage_full")))]
pub async fn set_of_room(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(id): RoomPath,
    mut body: FileBody,
) -> AppResult<HttpResponse> {
    let (by, principal) = (identity.user.id, identity.principal());
    read(&app, move |conn: &mut Conn| permitted(conn, id, principal, Operation::UpdateRoom)).await?;
    app.limits.change_room(by)?;
    body.follow(&app, &identity);
    let key = store(&app, &mut body).await?;
    let set = move |conn: &mut Conn, attempt| settings::set_avatar(conn, id, by, Some(key.as_str()), attempt);
    let room = app.writer.change(id, set).await?;
    Ok(HttpResponse::Ok().json(app.hub.with_online(room)))
}

/// Remove the picture of a room
#[utoipa::path(delete, path = ROOM_AVATAR_PATH, operation_id = "remove_room_avatar", tag = "files",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)),
    responses(
        (status = 200, description = "The room", body = Room),
        (status = 403, description = "not_allowed, banned")))]
pub async fn remove_of_room(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(id): RoomPath,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    app.limits.change_room(by)?;
    let remove = move |conn: &mut Conn, attempt| settings::set_avatar(conn, id, by, None, attempt);
    let room = app.writer.change(id, remove).await?;
    Ok(HttpResponse::Ok().json(app.hub.with_online(room)))
}

/// Stores the picture of a body. If nobody gets it, its bytes are deleted within a day.
async fn store(app: &App, body: &mut FileBody) -> AppResult<FileKey> {
    body.check(MAX_AVATAR_BYTES)?;
    app.files.store.check_space()?;
    let key = begin(app, Purpose::Avatar).await?;
    let mut receiving = app.files.receive(key.clone(), "", MAX_AVATAR_BYTES);
    while let Some(bytes) = body.next().await? {
        receiving.push(&bytes).await?;
    }
    receiving.into_avatar().await?;
    Ok(key)
}
