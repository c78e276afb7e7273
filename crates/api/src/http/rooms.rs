//! Rooms.

use actix_web::http::{Method, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use shared::errors::ErrorCode;
use shared::ids::{RoomId, UserId};
use shared::members::Operation;
use shared::page::Page;
use shared::rooms::{
    CreateRoom, MAX_SLOW_MODE_SECONDS, Posting, ROOMS_PATH, Room, RoomName, Topic, UpdateRoom, Visibility,
    room_path,
};
use shared::text::{Invalid, InvalidCode};
use uuid::Uuid;

use super::body::JsonBody;
use super::endpoint::{Endpoint, Needs};
use super::identity::{Reader, SignedIn};
use super::query::{LimitSchema, Query, RoomCursorSchema, page_response};
use crate::app::App;
use crate::clock;
use crate::db::members::{Membership, viewer_of_nobody};
use crate::db::rooms::{NewRoom, RoomKey, StoredRoom};
use crate::db::{self, Conn, DbError};
use crate::error::{AppError, AppResult};
use crate::policy::Principal;
use crate::read_marks;
use crate::rooms::error::{RoomResult, split};
use crate::rooms::{self, settings};

pub(super) const ROOM_PATH: &str = "/api/v1/rooms/{room_id}";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    let update_needs = Needs::Room(&[Operation::UpdateRoom, Operation::SetVisibility]);
    vec![
        Endpoint::new(Method::GET, ROOMS_PATH, Needs::Reading, list),
        Endpoint::new(Method::POST, ROOMS_PATH, Needs::Session, create),
        Endpoint::new(Method::GET, ROOM_PATH, Needs::Room(&[Operation::View]), get),
        Endpoint::new(Method::PATCH, ROOM_PATH, update_needs, update),
        Endpoint::new(Method::DELETE, ROOM_PATH, Needs::Room(&[Operation::DeleteRoom]), delete),
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

/// Runs a read whose refusals are answered.
pub(super) async fn read<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&mut Conn) -> RoomResult<T> + Send + 'static,
) -> AppResult<T> {
    Ok(app.db.run(move |conn| split(work(conn))).await??)
}

/// A room in which the caller may do this, with `viewer`. The second value is the caller's membership.
pub(super) fn permitted(
    conn: &mut Conn,
    room_id: RoomId,
    by: Principal,
    operation: Operation,
) -> RoomResult<(Room, Option<Membership>)> {
    let now = clock::now();
    let me = match by.id {
        Some(id) => db::members::or_nobody(db::members::get(conn, room_id, id, now))?,
        None => None,
    };
    let is_in = me.as_ref().is_some_and(|me| me.role.is_some());
    let room = match db::rooms::get_seen(conn, room_id, is_in) {
        Err(DbError::NotFound) => return Err(ErrorCode::RoomNotFound.into()),
        room => Room::from(room?),
    };
    let Some(me) = me else {
        rooms::check_nobody(operation, &room)?;
        let viewer = Some(viewer_of_nobody(&room));
        return Ok((Room { viewer, ..room }, None));
    };
    rooms::check(&me, Operation::View, &room, now)?;
    rooms::check(&me, operation, &room, now)?;
    Ok((Room { viewer: Some(me.viewer(&room)), ..room }, Some(me)))
}

/// The input of a request. If it is invalid, a caller without the right gets that refusal instead.
pub(super) async fn input<T>(
    app: &App,
    by: Principal,
    room_id: RoomId,
    operation: Operation,
    input: AppResult<T>,
) -> AppResult<T> {
    let error = match input {
        Ok(input) => return Ok(input),
        Err(error) => error,
    };
    read(app, move |conn| permitted(conn, room_id, by, operation).map(|_| ())).await?;
    Err(error)
}

/// List the rooms that the caller sees, oldest first
///
/// All public rooms, and the private ones that the caller is in. With `mine`, only the rooms that the caller is in, by latest
/// activity.
#[utoipa::path(get, path = ROOMS_PATH, operation_id = "list_rooms", tag = "rooms",
    security((), ("token" = []), ("cookie" = [])),
    params(("limit" = inline(Option<LimitSchema>), Query), ("cursor" = inline(Option<RoomCursorSchema>), Query),
        ("mine" = Option<bool>, Query)),
    responses((status = 200, description = "A page of rooms", body = Page<Room>,
        headers(("Link" = String, description = "The pages before and after this one (RFC 8288)")))))]
pub async fn list(reader: Reader, app: web::Data<App>, query: Query) -> AppResult<HttpResponse> {
    let limit = query.limit()?;
    let key = query.get("cursor").map(RoomKey::parse).transpose();
    let key = key.map_err(|_| AppError::new(ErrorCode::InvalidCursor))?;
    let is_mine = query.flag("mine")?;
    let by = reader.principal().id;
    if is_mine && by.is_none() {
        return Err(AppError::new(ErrorCode::AuthenticationRequired));
    }
    let list = move |conn: &mut Conn| {
        let mut page = match by.filter(|_| is_mine) {
            Some(by) => db::rooms::list_of_member(conn, by, key, limit)?,
            None => db::rooms::list(conn, by, key, limit)?,
        };
        add_viewers(conn, by, &mut page.items)?;
        Ok(page)
    };
    let mut page = app.db.run(list).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for room in page.items {
        items.push(read_marks::seen_by(&app, by, room).await?);
    }
    page.items = items;
    let path = if is_mine { format!("{ROOMS_PATH}?mine=true") } else { ROOMS_PATH.to_owned() };
    Ok(page_response(&page, &path, limit, ("cursor", "cursor")))
}

fn add_viewers(conn: &mut Conn, by: Option<UserId>, rooms: &mut [Room]) -> db::DbResult<()> {
    let Some(by) = by else {
        rooms.iter_mut().for_each(|room| room.viewer = Some(viewer_of_nobody(room)));
        return Ok(());
    };
    let ids: Vec<RoomId> = rooms.iter().map(|room| room.id).collect();
    let memberships = db::members::in_rooms(conn, by, &ids, clock::now())?;
    for (room, (_, me)) in rooms.iter_mut().zip(memberships) {
        room.viewer = Some(me.viewer(room));
    }
    Ok(())
}

/// Create a room
///
/// The creator becomes its owner. With an `id` chosen by the client, the request can be repeated safely: a repeat
/// answers 200. Guests create public rooms only.
#[utoipa::path(post, path = ROOMS_PATH, operation_id = "create_room", tag = "rooms",
    security(("token" = []), ("cookie" = [])), request_body = CreateRoom,
    responses(
        (status = 201, description = "The new room", body = Room,
            headers(("Location" = String, description = "The path of the room"))),
        (status = 200, description = "The room, which this user created before with this id", body = Room,
            headers(("Location" = String, description = "The path of the room"))),
        (status = 403, description = "members_only"),
        (status = 409, description = "room_name_taken, room_id_reused")))]
pub async fn create(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let CreateRoom { name, id, topic, visibility } = body.read(|fields| {
        let name = fields.required("name", RoomName::parse);
        let id = fields.optional("id", parse_id);
        let topic = fields.nullable("topic", Topic::parse).flatten();
        let visibility = fields.named("visibility", Visibility::ALL, Visibility::name);
        Some(CreateRoom { name: name?, id, topic, visibility })
    })?;
    let by = identity.user.id;
    let new = NewRoom {
        id: id.unwrap_or_else(|| RoomId(Uuid::now_v7())),
        name,
        created_by: Some(by),
        topic,
        visibility: visibility.unwrap_or(Visibility::Public),
        created_at: clock::now(),
    };
    if id.is_none() || !is_repeat(&app, &new).await? {
        app.limits.create_room(by)?;
    }
    let (mut response, room) = match app.writer.create_room(new, by).await? {
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
pub async fn get(reader: Reader, app: web::Data<App>, RoomPath(id): RoomPath) -> AppResult<HttpResponse> {
    let by = reader.principal();
    let (room, _) = read(&app, move |conn| permitted(conn, id, by, Operation::View)).await?;
    Ok(HttpResponse::Ok().json(read_marks::seen_by(&app, by.id, room).await?))
}

/// Change the settings of a room
///
/// Moderators change everything but the visibility, owners that as well. Making a private room public shows all its
/// messages to everybody, so it needs `publish_history: true`.
#[utoipa::path(patch, path = ROOM_PATH, operation_id = "update_room", tag = "rooms",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)), request_body = UpdateRoom,
    responses(
        (status = 200, description = "The current room", body = Room),
        (status = 403, description = "not_allowed, members_only, banned"),
        (status = 409, description = "room_name_taken")))]
pub async fn update(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(id): RoomPath,
    body: AppResult<JsonBody>,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    let is_about_visibility = body.as_ref().is_ok_and(|body| body.has("visibility"));
    let update = body.and_then(|body| {
        body.read(|fields| {
            let slow_mode = fields.number("slow_mode_seconds", 0..=i64::from(MAX_SLOW_MODE_SECONDS));
            Some(UpdateRoom {
                name: fields.optional("name", RoomName::parse),
                topic: fields.nullable("topic", Topic::parse),
                visibility: fields.named("visibility", Visibility::ALL, Visibility::name),
                slow_mode_seconds: slow_mode.and_then(|seconds| u32::try_from(seconds).ok()),
                posting: fields.named("posting", Posting::ALL, Posting::name),
                publish_history: fields.flag("publish_history"),
            })
        })
    });
    let operation = if is_about_visibility { Operation::SetVisibility } else { Operation::UpdateRoom };
    let update = input(&app, identity.principal(), id, operation, update).await?;
    app.limits.change_room(by)?;
    // Only a change of these changes what others may do.
    let is_about_rights = update.visibility.is_some() || update.posting.is_some();
    let connected = if is_about_rights { app.hub.connected_users() } else { Vec::new() };
    let change = move |conn: &mut Conn, attempt| settings::update(conn, id, by, &update, &connected, attempt);
    let room = app.writer.change(id, change).await?;
    Ok(HttpResponse::Ok().json(app.hub.with_online(room)))
}

/// Delete a room with its messages
#[utoipa::path(delete, path = ROOM_PATH, operation_id = "delete_room", tag = "rooms",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)),
    responses(
        (status = 204, description = "Deleted"),
        (status = 403, description = "not_allowed, banned")))]
pub async fn delete(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(id): RoomPath,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    app.limits.change_room(by)?;
    app.writer.change(id, move |conn, attempt| settings::delete(conn, id, by, attempt)).await?;
    Ok(HttpResponse::NoContent().finish())
}
