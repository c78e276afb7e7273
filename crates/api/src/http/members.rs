//! Members of rooms: joining, leaving, adding, roles, mutes and ownership.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use shared::errors::ErrorCode;
use shared::ids::{RoomId, UserId};
use shared::members::{Member, Operation, PutMember, PutMute, PutOwner, Role, members_path};
use shared::page::Page;
use shared::rooms::Room;
use shared::text::{Invalid, InvalidCode};

use super::body::JsonBody;
use super::endpoint::{Endpoint, Needs};
use super::identity::{Reader, SignedIn};
use super::query::{LimitSchema, MemberCursorSchema, Query, page_response};
use super::rooms::{RoomPath, input, permitted, read};
use super::users::UserPath;
use crate::app::App;
use crate::clock;
use crate::db;
use crate::db::members::MemberKey;
use crate::error::{AppError, AppResult};
use crate::policy::Principal;
use crate::rooms::error::RoomResult;
use crate::rooms::members;

const MEMBERS_PATH: &str = "/api/v1/rooms/{room_id}/members";
const OWN_MEMBERSHIP_PATH: &str = "/api/v1/rooms/{room_id}/members/me";
const MEMBER_PATH: &str = "/api/v1/rooms/{room_id}/members/{user_id}";
const MUTE_PATH: &str = "/api/v1/rooms/{room_id}/mutes/{user_id}";
const OWNER_PATH: &str = "/api/v1/rooms/{room_id}/owner";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    let put_needs = Needs::Room(&[Operation::InviteUser, Operation::SetRole, Operation::Join]);
    let delete_needs = Needs::Room(&[Operation::Moderate, Operation::Leave]);
    let moderate = Needs::Room(&[Operation::Moderate]);
    vec![
        Endpoint::new(Method::GET, MEMBERS_PATH, Needs::Room(&[Operation::View]), list),
        Endpoint::new(Method::PUT, OWN_MEMBERSHIP_PATH, Needs::Room(&[Operation::Join]), join),
        Endpoint::new(Method::DELETE, OWN_MEMBERSHIP_PATH, Needs::Room(&[Operation::Leave]), leave),
        Endpoint::new(Method::PUT, MEMBER_PATH, put_needs, put),
        Endpoint::new(Method::DELETE, MEMBER_PATH, delete_needs, remove),
        Endpoint::new(Method::PUT, MUTE_PATH, moderate, mute),
        Endpoint::new(Method::DELETE, MUTE_PATH, moderate, unmute),
        Endpoint::new(Method::PUT, OWNER_PATH, Needs::Room(&[Operation::Transfer]), transfer),
    ]
}

/// List the members of a room
///
/// By role, then by the time of joining.
#[utoipa::path(get, path = MEMBERS_PATH, operation_id = "list_members", tag = "members",
    security((), ("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("limit" = inline(Option<LimitSchema>), Query),
        ("cursor" = inline(Option<MemberCursorSchema>), Query)),
    responses((status = 200, description = "A page of members", body = Page<Member>,
        headers(("Link" = String, description = "The page after this one (RFC 8288)")))))]
pub async fn list(
    reader: Reader,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    query: Query,
) -> AppResult<HttpResponse> {
    let by = reader.principal();
    let parsed = query.limit().and_then(|limit| Ok((limit, query.cursor(MemberKey::parse)?)));
    let (limit, after) = input(&app, by, room_id, Operation::View, parsed).await?;
    let page = read(&app, move |conn| {
        permitted(conn, room_id, by, Operation::View)?;
        Ok(db::members::list(conn, room_id, after, limit, clock::now())?)
    });
    Ok(page_response(&page.await?, &members_path(room_id), limit, ("cursor", "cursor")))
}

fn put_response(put: members::Put) -> HttpResponse {
    let mut response = if put.is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    response.json(put.member)
}

/// Join a public room
///
/// For members, nothing changes.
#[utoipa::path(put, path = OWN_MEMBERSHIP_PATH, operation_id = "join_room", tag = "members",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)),
    responses(
        (status = 201, description = "The new member", body = Member),
        (status = 200, description = "The member, who was in the room before", body = Member),
        (status = 403, description = "banned"),
        (status = 429, description = "rate_limited")))]
pub async fn join(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    app.limits.change_membership(by)?;
    let put = app.writer.change(room_id, move |conn, attempt| members::join(conn, room_id, by, attempt));
    Ok(put_response(put.await?))
}

/// Leave a room
#[utoipa::path(delete, path = OWN_MEMBERSHIP_PATH, operation_id = "leave_room", tag = "members",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)),
    responses(
        (status = 204, description = "Left"),
        (status = 404, description = "member_not_found"),
        (status = 409, description = "last_owner")))]
pub async fn leave(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    app.limits.change_membership(by)?;
    app.writer.change(room_id, move |conn, attempt| members::leave(conn, room_id, by, attempt)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Add a user to a room, or change a member's role
///
/// With the caller's own id: joins, or lowers the caller's role.
#[utoipa::path(put, path = MEMBER_PATH, operation_id = "put_member", tag = "members",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("user_id" = UserId, Path)), request_body = PutMember,
    responses(
        (status = 201, description = "The new member", body = Member),
        (status = 200, description = "The member", body = Member),
        (status = 403, description = "not_allowed, members_only, banned"),
        (status = 404, description = "user_not_found"),
        (status = 409, description = "last_owner"),
        (status = 429, description = "rate_limited")))]
pub async fn put(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    target: AppResult<UserPath>,
    body: AppResult<JsonBody>,
) -> AppResult<HttpResponse> {
    let (by, principal) = (identity.user.id, identity.principal());
    let UserPath(target) = input(&app, principal, room_id, Operation::View, target).await?;
    let is_in = is_member(&app, room_id, target).await?;
    let is_added = by != target && !is_in;
    let role = if by == target && !is_in {
        // A user who puts themselves joins, whatever the body says.
        Ok(Role::Member)
    } else {
        body.and_then(|body| {
            body.read(|fields| {
                fields.require("role");
                fields.named("role", Role::ALL, Role::name)
            })
        })
    };
    let operation = match (by == target, is_added) {
        (true, _) => Operation::View,
        (_, true) => Operation::InviteUser,
        (_, false) => Operation::SetRole,
    };
    if is_added && role.is_err() {
        read(&app, move |conn| known(conn, room_id, principal, target)).await?;
    }
    let role = input(&app, principal, room_id, operation, role).await?;
    app.limits.change_membership(by)?;
    if is_added {
        read(&app, move |conn| permitted(conn, room_id, principal, Operation::View)).await?;
        app.limits.add_member(by)?;
    }
    let put = app
        .writer
        .change(room_id, move |conn, attempt| members::put(conn, room_id, by, target, role, attempt));
    Ok(put_response(put.await?))
}

/// Refuses a user whom the caller may not know of. That comes before what is not allowed or not valid.
fn known(conn: &mut db::Conn, room_id: RoomId, by: Principal, target: UserId) -> RoomResult<()> {
    let (_, me) = permitted(conn, room_id, by, Operation::View)?;
    let other = db::members::or_nobody(db::members::get(conn, room_id, target, clock::now()))?;
    match (me, other) {
        (Some(me), Some(other)) if !other.is_active || !members::may_know(conn, &me.user, &other.user)? => {
            Err(ErrorCode::UserNotFound.into())
        }
        (_, None) => Err(ErrorCode::UserNotFound.into()),
        _ => Ok(()),
    }
}

/// Whether a user is a member. It only decides what is counted; the transaction judges anew.
async fn is_member(app: &App, room_id: RoomId, user: UserId) -> AppResult<bool> {
    let found = app.db.run(move |conn| {
        let found = db::members::get(conn, room_id, user, clock::now());
        Ok(db::members::or_nobody(found)?.is_some_and(|found| found.role.is_some()))
    });
    Ok(found.await?)
}

/// Remove a member
///
/// With the caller's own id: leaves.
#[utoipa::path(delete, path = MEMBER_PATH, operation_id = "remove_member", tag = "members",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("user_id" = UserId, Path)),
    responses(
        (status = 204, description = "Removed"),
        (status = 403, description = "not_allowed, banned"),
        (status = 404, description = "member_not_found"),
        (status = 409, description = "last_owner")))]
pub async fn remove(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    target: AppResult<UserPath>,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    let target = member_in_path(target);
    let UserPath(target) = input(&app, identity.principal(), room_id, Operation::View, target).await?;
    app.limits.change_membership(by)?;
    app.writer
        .change(room_id, move |conn, attempt| members::remove(conn, room_id, by, target, attempt))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A text that is not a UUID names no member.
fn member_in_path(target: AppResult<UserPath>) -> AppResult<UserPath> {
    target.map_err(|_| AppError::new(ErrorCode::MemberNotFound))
}

/// Mute a member
#[utoipa::path(put, path = MUTE_PATH, operation_id = "mute_member", tag = "members",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("user_id" = UserId, Path)), request_body = PutMute,
    responses(
        (status = 204, description = "Muted"),
        (status = 403, description = "not_allowed, banned"),
        (status = 404, description = "member_not_found")))]
pub async fn mute(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    target: AppResult<UserPath>,
    body: AppResult<JsonBody>,
) -> AppResult<HttpResponse> {
    let (by, principal) = (identity.user.id, identity.principal());
    let UserPath(target) = input(&app, principal, room_id, Operation::View, member_in_path(target)).await?;
    let until = body.and_then(|body| body.read(|fields| fields.required("until", parse_time)));
    if until.is_err() && !is_member(&app, room_id, target).await? {
        read(&app, move |conn| permitted(conn, room_id, principal, Operation::View)).await?;
        return Err(AppError::new(ErrorCode::MemberNotFound));
    }
    let until = input(&app, principal, room_id, Operation::Moderate, until).await?;
    app.limits.change_membership(by)?;
    let mute =
        move |conn: &mut db::Conn, attempt| members::mute(conn, room_id, by, target, Some(until), attempt);
    app.writer.change(room_id, mute).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn parse_time(text: &str) -> Result<DateTime<Utc>, Invalid> {
    let invalid = |_| Invalid::new(InvalidCode::InvalidFormat, "until must be a time of RFC 3339.");
    let time = DateTime::parse_from_rfc3339(text).map_err(invalid)?.to_utc();
    // Whole milliseconds, as all times are.
    DateTime::from_timestamp_millis(time.timestamp_millis())
        .ok_or_else(|| Invalid::new(InvalidCode::OutOfRange, "until lies too far away."))
}

/// Unmute a member
#[utoipa::path(delete, path = MUTE_PATH, operation_id = "unmute_member", tag = "members",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("user_id" = UserId, Path)),
    responses(
        (status = 204, description = "Not muted any more"),
        (status = 403, description = "not_allowed, banned"),
        (status = 404, description = "member_not_found")))]
pub async fn unmute(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    target: AppResult<UserPath>,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    let target = member_in_path(target);
    let UserPath(target) = input(&app, identity.principal(), room_id, Operation::View, target).await?;
    app.limits.change_membership(by)?;
    app.writer
        .change(room_id, move |conn, attempt| members::mute(conn, room_id, by, target, None, attempt))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Pass the ownership of a room on
///
/// The former owner becomes moderator.
#[utoipa::path(put, path = OWNER_PATH, operation_id = "transfer_room", tag = "members",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)), request_body = PutOwner,
    responses(
        (status = 200, description = "The room", body = Room),
        (status = 403, description = "not_allowed, banned"),
        (status = 404, description = "member_not_found")))]
pub async fn transfer(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    body: AppResult<JsonBody>,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    let target = body.and_then(|body| {
        body.read(|fields| {
            fields.required("user_id", |text| {
                text.parse().map_err(|_| Invalid::new(InvalidCode::InvalidFormat, "user_id must be a UUID."))
            })
        })
    });
    let target = input(&app, identity.principal(), room_id, Operation::Transfer, target).await?;
    app.limits.change_membership(by)?;
    let room = app
        .writer
        .change(room_id, move |conn, attempt| members::transfer(conn, room_id, by, target, attempt));
    let room = room.await?;
    Ok(HttpResponse::Ok().json(app.hub.with_online(room)))
}
