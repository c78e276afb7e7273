//! How far the caller has read, and what notifies them.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::ids::{RoomId, Seq};
use shared::members::Operation;
use shared::read_marks::{Notify, PutNotify, PutRead, ReadMark};

use super::body::JsonBody;
use super::endpoint::{Endpoint, Needs};
use super::identity::SignedIn;
use super::rooms::{RoomPath, input, permitted, read};
use crate::app::App;
use crate::db::{self, Conn};
use crate::error::AppResult;
use crate::policy::Principal;
use crate::read_marks;
use crate::rooms::error::{RoomResult, split};

const READ_PATH: &str = "/api/v1/rooms/{room_id}/read";
const NOTIFY_PATH: &str = "/api/v1/rooms/{room_id}/notify";

/// The largest integer that every JSON implementation reads exactly.
const MAX_SEQ: i64 = (1 << 53) - 1;

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    let view = Needs::Room(&[Operation::View]);
    vec![
        Endpoint::new(Method::PUT, READ_PATH, view, put_read),
        Endpoint::new(Method::PUT, NOTIFY_PATH, view, put_notify),
    ]
}

/// Move the read mark
///
/// It moves forward only, and at most to the room's `last_seq`. With `exact` it is set as given, to mark messages as
/// unread.
#[utoipa::path(put, path = READ_PATH, operation_id = "put_read", tag = "members",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)), request_body = PutRead,
    responses(
        (status = 200, description = "The mark", body = ReadMark),
        (status = 404, description = "member_not_found")))]
pub async fn put_read(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    body: AppResult<JsonBody>,
) -> AppResult<HttpResponse> {
    let by = identity.principal();
    let put = body.and_then(|body| {
        body.read(|fields| {
            fields.require("seq");
            let seq = fields.number("seq", 0..=MAX_SEQ).map(Seq);
            let exact = fields.flag("exact").unwrap_or_default();
            Some(PutRead { seq: seq?, exact })
        })
    });
    let put = input(&app, by, room_id, Operation::View, put).await?;
    app.limits.mark_read(identity.user.id)?;
    read(&app, move |conn| be_member(conn, room_id, by)).await?;
    Ok(HttpResponse::Ok().json(read_marks::put(&app, identity.user.id, room_id, put).await?))
}

/// Set which messages notify
#[utoipa::path(put, path = NOTIFY_PATH, operation_id = "put_notify", tag = "members",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)), request_body = PutNotify,
    responses(
        (status = 200, description = "The level", body = PutNotify),
        (status = 404, description = "member_not_found")))]
pub async fn put_notify(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    body: AppResult<JsonBody>,
) -> AppResult<HttpResponse> {
    let by = identity.principal();
    let put = body.and_then(|body| {
        body.read(|fields| {
            fields.require("notify");
            Some(PutNotify { notify: fields.named("notify", Notify::ALL, Notify::name)? })
        })
    });
    let put = input(&app, by, room_id, Operation::View, put).await?;
    app.limits.mark_read(identity.user.id)?;
    let user = identity.user.id;
    let viewer = app.db.write(move |conn| {
        let stored = be_member(conn, room_id, by)
            .and_then(|()| Ok(db::read_marks::set_notify(conn, room_id, user, put.notify)?))
            .and_then(|()| permitted(conn, room_id, by, Operation::View));
        split(stored)
    });
    let (room, _) = viewer.await??;
    if let Some(viewer) = app.hub.seen_by(Some(user), room).viewer {
        app.hub.tell(user, room_id, &ServerEvent::ViewerUpdated { room_id, viewer });
    }
    Ok(HttpResponse::Ok().json(put))
}

/// Checks that the caller is a member of the room.
fn be_member(conn: &mut Conn, room_id: RoomId, by: Principal) -> RoomResult<()> {
    let (_, me) = permitted(conn, room_id, by, Operation::View)?;
    if me.is_some_and(|me| me.role.is_some()) { Ok(()) } else { Err(ErrorCode::MemberNotFound.into()) }
}
