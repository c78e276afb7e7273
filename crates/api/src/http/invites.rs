//! Invites: links that let people join a room.

use actix_web::http::{Method, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use chrono::TimeDelta;
use serde::Serialize;
use shared::errors::ErrorCode;
use shared::ids::{InviteId, RoomId};
use shared::invites::{
    CreateInvite, DEFAULT_LIFETIME_SECONDS, INVITE_PREVIEW_PATH, INVITE_REDEMPTION_PATH, Invite,
    InvitePreview, InviteSecret, InvitedRoom, MAX_LIFETIME_SECONDS, MAX_USES, NewInvite, Redeemed,
    invite_path,
};
use shared::members::{Operation, Role};
use shared::rooms::{Room, Visibility};
use uuid::Uuid;

use super::body::{JsonBody, OptionalBody};
use super::endpoint::{Endpoint, Needs};
use super::identity::{Peer, SignedIn, Visitor};
use super::rooms::{RoomPath, input, permitted, read};
use crate::app::App;
use crate::clock;
use crate::db::invites::{NewInvite as InviteToStore, StoredInvite};
use crate::db::token_hash::TokenHash;
use crate::db::{self, Conn, DbError};
use crate::error::{AppError, AppResult};
use crate::rooms::error::RoomResult;
use crate::rooms::invites;
use crate::sessions;

const INVITES_PATH: &str = "/api/v1/rooms/{room_id}/invites";
const INVITE_PATH: &str = "/api/v1/rooms/{room_id}/invites/{invite_id}";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    let manage = Needs::Room(&[Operation::ManageInvites]);
    vec![
        Endpoint::new(Method::GET, INVITES_PATH, manage, list),
        Endpoint::new(Method::POST, INVITES_PATH, manage, create),
        Endpoint::new(Method::DELETE, INVITE_PATH, manage, revoke),
        Endpoint::new(Method::POST, INVITE_PREVIEW_PATH, Needs::Nothing, preview),
        Endpoint::new(Method::POST, INVITE_REDEMPTION_PATH, Needs::Room(&[Operation::Redeem]), redeem),
    ]
}

/// The invite id in a path.
pub struct InvitePath(pub InviteId);

impl FromRequest for InvitePath {
    type Error = AppError;
    type Future = std::future::Ready<AppResult<Self>>;

    /// A text that is not a UUID is answered with 404, like an unknown id.
    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let id = request.match_info().query("invite_id").parse().map(Self);
        std::future::ready(id.map_err(|_| AppError::new(ErrorCode::InviteNotFound)))
    }
}

/// A list that has no pages.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Invites {
    items: Vec<Invite>,
}

/// List the invites of a room, newest first
///
/// Revoked ones are left out.
#[utoipa::path(get, path = INVITES_PATH, operation_id = "list_invites", tag = "invites",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)),
    responses(
        (status = 200, description = "The invites", body = Invites),
        (status = 403, description = "not_allowed, banned")))]
pub async fn list(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
) -> AppResult<HttpResponse> {
    let by = identity.principal();
    let items = read(&app, move |conn| {
        permitted(conn, room_id, by, Operation::ManageInvites)?;
        Ok(db::invites::list(conn, room_id)?)
    });
    Ok(HttpResponse::Ok().json(Invites { items: items.await? }))
}

/// Make an invite
///
/// The link is shown once.
#[utoipa::path(post, path = INVITES_PATH, operation_id = "create_invite", tag = "invites",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)), request_body = CreateInvite,
    responses(
        (status = 201, description = "The invite and its link", body = NewInvite,
            headers(("Location" = String, description = "The path of the invite"))),
        (status = 403, description = "not_allowed, banned"),
        (status = 429, description = "rate_limited")))]
pub async fn create(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    body: AppResult<OptionalBody>,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    let create = body.and_then(|OptionalBody(body)| {
        body.read(|fields| {
            let lifetime = fields.nullable_number("expires_in_seconds", 1..=MAX_LIFETIME_SECONDS);
            Some(CreateInvite {
                role: fields.named("role", [Role::Moderator, Role::Member, Role::Guest], Role::name),
                expires_in_seconds: lifetime.unwrap_or(Some(DEFAULT_LIFETIME_SECONDS)),
                max_uses: fields.nullable_number("max_uses", 1..=MAX_USES).flatten(),
            })
        })
    });
    let CreateInvite { role, expires_in_seconds, max_uses } =
        input(&app, identity.principal(), room_id, Operation::ManageInvites, create).await?;
    app.limits.change_membership(by)?;
    let secret = sessions::new_secret()?;
    let created_at = clock::now();
    let new = InviteToStore {
        id: InviteId(Uuid::now_v7()),
        room_id,
        secret_hash: sessions::hash(&secret),
        role: role.unwrap_or(Role::Guest),
        created_by: by,
        created_at,
        expires_at: expires_in_seconds.map(|seconds| created_at + TimeDelta::seconds(seconds)),
        max_uses,
    };
    let invite =
        app.writer.change(room_id, move |conn, attempt| invites::create(conn, &new, attempt)).await?;
    let url = format!("{}/invite#{secret}", app.public_url());
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, invite_path(room_id, invite.id)));
    Ok(response.json(NewInvite { invite, url }))
}

/// Revoke an invite
#[utoipa::path(delete, path = INVITE_PATH, operation_id = "revoke_invite", tag = "invites",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("invite_id" = InviteId, Path)),
    responses(
        (status = 204, description = "Revoked"),
        (status = 403, description = "not_allowed, banned"),
        (status = 404, description = "invite_not_found")))]
pub async fn revoke(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    id: AppResult<InvitePath>,
) -> AppResult<HttpResponse> {
    let by = identity.user.id;
    let InvitePath(id) = input(&app, identity.principal(), room_id, Operation::ManageInvites, id).await?;
    app.limits.change_membership(by)?;
    app.writer.change(room_id, move |conn, attempt| invites::revoke(conn, room_id, id, by, attempt)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn read_secret(body: JsonBody) -> AppResult<TokenHash> {
    let InviteSecret { secret } = body.read(|fields| {
        Some(InviteSecret { secret: fields.required("secret", |text| Ok(text.to_owned()))? })
    })?;
    Ok(sessions::hash(&secret))
}

/// The invite of a secret.
fn find(conn: &mut Conn, secret_hash: &TokenHash) -> RoomResult<StoredInvite> {
    match db::invites::find(conn, secret_hash) {
        Err(DbError::NotFound) => Err(ErrorCode::InviteNotFound.into()),
        found => Ok(found?),
    }
}

/// See where an invite leads
#[utoipa::path(post, path = INVITE_PREVIEW_PATH, operation_id = "preview_invite", tag = "invites",
    request_body = InviteSecret,
    responses(
        (status = 200, description = "The room and the role", body = InvitePreview),
        (status = 404, description = "invite_not_found"),
        (status = 410, description = "invite_gone"),
        (status = 429, description = "rate_limited")))]
pub async fn preview(
    _: Visitor,
    Peer(client): Peer,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let secret_hash = read_secret(body)?;
    app.limits.invite(client.address)?;
    let (stored, room) = read(&app, move |conn| {
        let stored = find(conn, &secret_hash)?;
        let gone = || ErrorCode::InviteGone.into();
        let room = match db::rooms::get(conn, stored.room_id) {
            Err(DbError::NotFound) => return Err(gone()),
            room => Room::from(room?),
        };
        let is_valid = invites::highest_now(conn, &room, &stored, clock::now())?.is_some();
        if is_valid { Ok((stored, room)) } else { Err(gone()) }
    })
    .await?;
    let online = (room.visibility == Visibility::Public).then(|| app.hub.online(room.id));
    let StoredInvite { invite, .. } = stored;
    let Room { name, topic, avatar_url, visibility, member_count, .. } = room;
    let room = InvitedRoom { name, topic, avatar_url, visibility, member_count, online };
    let Invite { role, expires_at, created_by, .. } = invite;
    Ok(HttpResponse::Ok().json(InvitePreview { room, role, expires_at, invited_by: created_by }))
}

/// Join a room by an invite
///
/// For members, nothing changes, and no use is spent.
#[utoipa::path(post, path = INVITE_REDEMPTION_PATH, operation_id = "redeem_invite", tag = "invites",
    security(("token" = []), ("cookie" = [])), request_body = InviteSecret,
    responses(
        (status = 200, description = "The room and the membership", body = Redeemed),
        (status = 403, description = "banned, not_allowed"),
        (status = 404, description = "invite_not_found"),
        (status = 410, description = "invite_gone"),
        (status = 429, description = "rate_limited")))]
pub async fn redeem(
    SignedIn(identity): SignedIn,
    Peer(client): Peer,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let secret_hash = read_secret(body)?;
    app.limits.invite(client.address)?;
    let room_id = read(&app, move |conn| Ok(find(conn, &secret_hash)?.room_id)).await?;
    let by = identity.user.id;
    let redeem = move |conn: &mut Conn, attempt| invites::redeem(conn, room_id, &secret_hash, by, attempt);
    let Redeemed { room, member } = app.writer.change(room_id, redeem).await?;
    Ok(HttpResponse::Ok().json(Redeemed { room: app.hub.with_online(room), member }))
}
