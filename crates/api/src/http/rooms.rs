//! Rooms.

use actix_web::http::{Method, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use shared::errors::ErrorCode;
use shared::ids::RoomId;
use shared::page::Page;
use shared::rooms::{CreateRoom, ROOMS_PATH, Room, RoomName, UpdateRoom, room_path};
use shared::text::{Invalid, InvalidCode};
use uuid::Uuid;

use super::body::JsonBody;
use super::endpoint::Endpoint;
use super::identity::{Reader, SignedIn};
use super::query::{LimitSchema, Query, RoomCursorSchema, page_response};
use crate::app::App;
use crate::clock;
use crate::db::rooms::{NewRoom, RoomKey, StoredRoom};
use crate::db::{self, DbError};
use crate::error::{AppError, AppResult};

const ROOM_PATH: &str = "/api/v1/rooms/{room_id}";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, ROOMS_PATH, list),
        Endpoint::new(Method::POST, ROOMS_PATH, create),
        Endpoint::new(Method::GET, ROOM_PATH, get),
        Endpoint::new(Method::PATCH, ROOM_PATH, update),
        Endpoint::new(Method::DELETE, ROOM_PATH, delete),
    ]
}

/// The room id in a path.
pub struct RoomPath(pub RoomId);

impl FromRequest for RoomPath {
    type Error = AppError;
    type Future = std::future::Ready<AppResult<Self>>;

    /// A text that is not a UUID is answered with 404, like an unknown id.
    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let id = request.match_info().query("room_id").parse().map(Self);
        std::future::ready(id.map_err(|_| AppError::new(ErrorCode::RoomNotFound)))
    }
}

/// Maps [`DbError::NotFound`] to `room_not_found`.
pub(super) fn or_no_room<T>(result: Result<T, DbError>) -> AppResult<T> {
    result.map_err(|error| match error {
        DbError::NotFound => AppError::new(ErrorCode::RoomNotFound),
        other => other.into(),
    })
}

/// List rooms, oldest first
#[utoipa::path(get, path = ROOMS_PATH, operation_id = "list_rooms", tag = "rooms",
    security((), ("token" = []), ("cookie" = [])),
    params(("limit" = inline(Option<LimitSchema>), Query), ("cursor" = inline(Option<RoomCursorSchema>), Query)),
    responses((status = 200, description = "A page of rooms", body = Page<Room>,
        headers(("Link" = String, description = "The pages before and after this one (RFC 8288)")))))]
pub async fn list(_: Reader, app: web::Data<App>, query: Query) -> AppResult<HttpResponse> {
    let limit = query.limit()?;
    let key = query.get("cursor").map(RoomKey::parse).transpose();
    let key = key.map_err(|_| AppError::new(ErrorCode::InvalidCursor))?;
    let mut page = app.db.run(move |conn| db::rooms::list(conn, key, limit)).await?;
    page.items = page.items.into_iter().map(|room| app.hub.with_online(room)).collect();
    Ok(page_response(&page, ROOMS_PATH, limit, ("cursor", "cursor")))
}

/// Create a room
///
/// With an `id` chosen by the client, the request can be repeated safely: a repeat answers 200.
#[utoipa::path(post, path = ROOMS_PATH, operation_id = "create_room", tag = "rooms",
    security(("token" = []), ("cookie" = [])), request_body = CreateRoom,
    responses(
        (status = 201, description = "The new room", body = Room,
            headers(("Location" = String, description = "The path of the room"))),
        (status = 200, description = "The room, which this user created before with this id", body = Room,
            headers(("Location" = String, description = "The path of the room"))),
        (status = 409, description = "room_name_taken, room_id_reused")))]
pub async fn create(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let CreateRoom { name, id } = body.read(|fields| {
        let name = fields.required("name", RoomName::parse);
        let id = fields.optional("id", parse_id);
        Some(CreateRoom { name: name?, id })
    })?;
    let by = identity.user.id;
    let new = NewRoom {
        id: id.unwrap_or_else(|| RoomId(Uuid::now_v7())),
        name,
        created_by: Some(by),
        created_at: clock::now(),
    };
    if id.is_none() || !is_repeat(&app, &new).await? {
        app.limits.create_room(by)?;
    }
    let (mut response, room) = match app.writer.create_room(new).await? {
        StoredRoom::Created(room) => (HttpResponse::Created(), room),
        StoredRoom::Repeated(room) => (HttpResponse::Ok(), app.hub.with_online(room)),
        StoredRoom::IdReused => return Err(AppError::new(ErrorCode::RoomIdReused)),
    };
    Ok(response.insert_header((header::LOCATION, room_path(room.id))).json(room))
}

/// Whether the room was created by the same request. Then the repeat creates nothing and is not counted.
async fn is_repeat(app: &App, new: &NewRoom) -> AppResult<bool> {
    let new = new.clone();
    let found = app.db.run(move |conn| db::rooms::find_repeated(conn, &new)).await?;
    Ok(matches!(found, Some(StoredRoom::Repeated(_))))
}

fn parse_id(text: &str) -> Result<RoomId, Invalid> {
    text.parse()
        .map_err(|_| Invalid::new(InvalidCode::InvalidFormat, "id must be a UUID, best of version 7."))
}

/// Read a room
#[utoipa::path(get, path = ROOM_PATH, operation_id = "get_room", tag = "rooms",
    security((), ("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)),
    responses((status = 200, description = "The room", body = Room)))]
pub async fn get(_: Reader, app: web::Data<App>, RoomPath(id): RoomPath) -> AppResult<HttpResponse> {
    let room = or_no_room(app.db.run(move |conn| db::rooms::get(conn, id)).await)?;
    Ok(HttpResponse::Ok().json(app.hub.with_online(room.into())))
}

/// Rename a room
#[utoipa::path(patch, path = ROOM_PATH, operation_id = "update_room", tag = "rooms",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)), request_body = UpdateRoom,
    responses(
        (status = 200, description = "The current room", body = Room),
        (status = 403, description = "not_room_owner"),
        (status = 409, description = "room_name_taken")))]
pub async fn update(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(id): RoomPath,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let UpdateRoom { name } =
        body.read(|fields| Some(UpdateRoom { name: fields.optional("name", RoomName::parse) }))?;
    app.limits.change_room(identity.user.id)?;
    let room = app.writer.update_room(id, identity.user.id, name).await?;
    Ok(HttpResponse::Ok().json(app.hub.with_online(room)))
}

/// Delete a room with its messages
#[utoipa::path(delete, path = ROOM_PATH, operation_id = "delete_room", tag = "rooms",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)),
    responses(
        (status = 204, description = "Deleted"),
        (status = 403, description = "not_room_owner")))]
pub async fn delete(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(id): RoomPath,
) -> AppResult<HttpResponse> {
    app.limits.change_room(identity.user.id)?;
    app.writer.delete_room(id, identity.user.id).await?;
    Ok(HttpResponse::NoContent().finish())
}
