//! Bans from rooms.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::bans::{Ban, BanReason, MAX_DELETE_SECONDS, PutBan, bans_path};
use shared::errors::ErrorCode;
use shared::ids::{RoomId, UserId};
use shared::members::Operation;
use shared::page::Page;

use super::body::OptionalBody;
use super::endpoint::{Endpoint, Needs};
use super::identity::SignedIn;
use super::query::{BanCursorSchema, LimitSchema, Query, page_response};
use super::rooms::{RoomPath, input, permitted, read};
use super::users::UserPath;
use crate::app::App;
use crate::clock;
use crate::db;
use crate::db::bans::BanKey;
use crate::error::AppResult;
use crate::policy::Principal;
use crate::rooms::bans;
use crate::rooms::error::RoomResult;
use crate::rooms::members::is_known;

const BANS_PATH: &str = "/api/v1/rooms/{room_id}/bans";
const BAN_PATH: &str = "/api/v1/rooms/{room_id}/bans/{user_id}";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    let moderate = Needs::Room(&[Operation::Moderate]);
    vec![
        Endpoint::new(Method::GET, BANS_PATH, Needs::Room(&[Operation::ViewBans]), list),
        Endpoint::new(Method::PUT, BAN_PATH, moderate, put),
        Endpoint::new(Method::DELETE, BAN_PATH, moderate, delete),
    ]
}

/// List the bans of a room, oldest first
#[utoipa::path(get, path = BANS_PATH, operation_id = "list_bans", tag = "members",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("limit" = inline(Option<LimitSchema>), Query),
        ("cursor" = inline(Option<BanCursorSchema>), Query)),
    responses(
        (status = 200, description = "A page of bans", body = Page<Ban>,
            headers(("Link" = String, description = "The page after this one (RFC 8288)"))),
        (status = 403, description = "not_allowed, banned")))]
pub async fn list(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    query: Query,
) -> AppResult<HttpResponse> {
    let by = identity.principal();
    let parsed = query.limit().and_then(|limit| Ok((limit, query.cursor(BanKey::parse)?)));
    let (limit, after) = input(&app, by, room_id, Operation::ViewBans, parsed).await?;
    let page = read(&app, move |conn| {
        permitted(conn, room_id, by, Operation::ViewBans)?;
        Ok(db::bans::list(conn, room_id, after, limit)?)
    });
    Ok(page_response(&page.await?, &bans_path(room_id), limit, ("cursor", "cursor")))
}

/// Ban a user from a room
///
/// Removes them, too. `delete_seconds` also deletes what they sent in that time.
#[utoipa::path(put, path = BAN_PATH, operation_id = "ban_user", tag = "members",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("user_id" = UserId, Path)), request_body = PutBan,
    responses(
        (status = 204, description = "Banned"),
        (status = 403, description = "not_allowed, banned"),
        (status = 404, description = "user_not_found")))]
pub async fn put(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    target: AppResult<UserPath>,
    body: AppResult<OptionalBody>,
) -> AppResult<HttpResponse> {
    let (by, principal) = (identity.user.id, identity.principal());
    let UserPath(target) = input(&app, principal, room_id, Operation::View, target).await?;
    let ban = body.and_then(|OptionalBody(body)| {
        body.read(|fields| {
            let reason = fields.nullable("reason", |text| BanReason::parse(text).map(Some)).flatten();
            let delete_seconds = fields.number("delete_seconds", 0..=MAX_DELETE_SECONDS);
            Some(PutBan { reason, delete_seconds })
        })
    });
    if ban.is_err() {
        read(&app, move |conn| known(conn, room_id, principal, target)).await?;
    }
    let ban = input(&app, principal, room_id, Operation::Moderate, ban).await?;
    app.limits.change_membership(by)?;
    let put = move |conn: &mut db::Conn, attempt| bans::create(conn, room_id, by, target, &ban, attempt);
    app.writer.change(room_id, put).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Refuses a user whom the caller may not know of. That comes before what is not allowed or not valid.
fn known(conn: &mut db::Conn, room_id: RoomId, by: Principal, target: UserId) -> RoomResult<()> {
    let (_, me) = permitted(conn, room_id, by, Operation::View)?;
    let other = db::members::or_nobody(db::members::get(conn, room_id, target, clock::now()))?;
    let other = other.filter(|other| other.user.deleted_at.is_none());
    match (me, other) {
        (Some(me), Some(other)) if is_known(conn, &me, &other)? => Ok(()),
        _ => Err(ErrorCode::UserNotFound.into()),
    }
}

/// Lift a ban
#[utoipa::path(delete, path = BAN_PATH, operation_id = "unban_user", tag = "members",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("user_id" = UserId, Path)),
    responses(
        (status = 204, description = "Not banned any more"),
        (status = 403, description = "not_allowed, banned"),
        (status = 404, description = "user_not_found")))]
pub async fn delete(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    target: AppResult<UserPath>,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    let UserPath(target) = input(&app, identity.principal(), room_id, Operation::View, target).await?;
    app.limits.change_membership(by)?;
    app.writer.change(room_id, move |conn, attempt| bans::delete(conn, room_id, by, target, attempt)).await?;
    Ok(HttpResponse::NoContent().finish())
}
