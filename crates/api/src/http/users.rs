//! Guests and accounts.

use std::net::IpAddr;

use actix_web::http::{Method, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use shared::errors::{ErrorCode, FieldError};
use shared::ids::UserId;
use shared::page::Page;
use shared::text::InvalidCode;
use shared::users::{
    CURRENT_USER_PATH, ChangePassword, CreateGuest, CreateUser, DELETION_PATH, DeleteUser, DeletedMessages,
    GUESTS_PATH, Guest, Me, PASSWORD_PATH, Password, SignedIn as NewSession, USERS_PATH, UpdateUser, User,
    UserKind, Username, user_path,
};

use super::body::JsonBody;
use super::endpoint::{Endpoint, Needs};
use super::identity::{MaybeSignedIn, Peer, SignedIn, Visitor};
use super::query::{LimitSchema, Query, UserCursorSchema, page_response};
use super::sessions::{expired_cookie, new_device_cookie, session_cookie};
use crate::accounts::{AccountError, Invited};
use crate::app::App;
use crate::db;
use crate::db::name_key::name_key;
use crate::db::users::{Listed, UserKey};
use crate::error::{AppError, AppResult};
use crate::passwords;
use crate::rooms::members::may_know;

const USER_PATH: &str = "/api/v1/users/{user_id}";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, GUESTS_PATH, Needs::Nothing, create_guest),
        Endpoint::new(Method::POST, USERS_PATH, Needs::Nothing, create),
        Endpoint::new(Method::GET, USERS_PATH, Needs::Session, list),
        Endpoint::new(Method::GET, CURRENT_USER_PATH, Needs::Session, get_current),
        Endpoint::new(Method::PATCH, CURRENT_USER_PATH, Needs::Session, update_current),
        Endpoint::new(Method::DELETE, CURRENT_USER_PATH, Needs::Session, delete_current),
        Endpoint::new(Method::POST, DELETION_PATH, Needs::Session, create_deletion),
        Endpoint::new(Method::PUT, PASSWORD_PATH, Needs::Session, change_password),
        Endpoint::new(Method::GET, USER_PATH, Needs::Session, get),
    ]
}

/// The user id in a path.
pub struct UserPath(pub UserId);

impl FromRequest for UserPath {
    type Error = AppError;
    type Future = std::future::Ready<AppResult<Self>>;

    /// A text that is not a UUID is answered with 404, like an unknown id.
    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let id = request.match_info().query("user_id").parse().map(Self);
        std::future::ready(id.map_err(|_| AppError::new(ErrorCode::UserNotFound)))
    }
}

/// Become a guest
///
/// Guests may share a name. The token authenticates requests and sockets. Its session ends after 14 days without use,
/// and after 90 days at the latest.
#[utoipa::path(post, path = GUESTS_PATH, operation_id = "create_guest", tag = "users", request_body = CreateGuest,
    responses(
        (status = 201, description = "The guest and the token", body = Guest,
            headers(("Set-Cookie" = String, description = "The session, for browsers"))),
        (status = 403, description = "registration_closed, origin_refused"),
        (status = 404, description = "invite_not_found"),
        (status = 409, description = "username_taken"),
        (status = 410, description = "invite_gone"),
        (status = 429, description = "rate_limited")))]
pub async fn create_guest(
    _: Visitor,
    Peer(client): Peer,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let CreateGuest { username, invite } = body.read(|fields| {
        let username = fields.required("username", Username::parse_guest);
        let invite = fields.optional("invite", |text| Ok(text.to_owned()));
        Some(CreateGuest { username: username?, invite })
    })?;
    app.limits.create_guest(client.address)?;
    let invite = invited(&app, client.address, invite).await?;
    let address_hash = app.devices.address_hash(client.address);
    let (user, token) = app
        .accounts
        .create_guest(&app.sessions, &app.writer, &client, username, invite, address_hash)
        .await?;
    let cookie = session_cookie(&app.config, token.clone());
    Ok(HttpResponse::Created().cookie(cookie).json(Guest { user, token }))
}

/// Sign up
///
/// Sent by a guest, it turns the guest into the member: id, messages and rooms stay, and the guest's sessions end.
#[utoipa::path(post, path = USERS_PATH, operation_id = "create_user", tag = "users",
    security((), ("token" = []), ("cookie" = [])), request_body = CreateUser,
    responses(
        (status = 201, description = "The user and the token", body = NewSession,
            headers(("Set-Cookie" = String, description = "The session, for browsers"),
                ("Location" = String, description = "The path of the user"))),
        (status = 403, description = "registration_closed, origin_refused, banned, not_allowed"),
        (status = 404, description = "invite_not_found"),
        (status = 409, description = "username_taken, already_member"),
        (status = 410, description = "invite_gone"),
        (status = 429, description = "rate_limited")))]
pub async fn create(
    MaybeSignedIn { identity, .. }: MaybeSignedIn,
    Peer(client): Peer,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let create = body.read(|fields| {
        let username = fields.required("username", Username::parse_account);
        let password = fields.required("password", passwords::parse_new);
        let invite = fields.optional("invite", |text| Ok(text.to_owned()));
        let setup = fields.optional("setup", |text| Ok(text.to_owned()));
        Some(CreateUser { username: username?, password: password?, invite, setup })
    })?;
    let invite = invited(&app, client.address, create.invite.clone()).await?;
    // A member of the room vouches for an invited user.
    if invite.is_none() {
        app.limits.sign_up(client.address)?;
    }
    let signed_up =
        app.accounts.sign_up(&app.sessions, &app.writer, &client, identity.as_ref(), create, invite);
    let (user, token) = signed_up.await?;
    // A guest who became a member has another name and kind in their rooms.
    app.tasks.wake();
    let device = app.devices.cookie(user.user.id);
    let mut response = HttpResponse::Created();
    response
        .cookie(session_cookie(&app.config, token.clone()))
        .cookie(new_device_cookie(&app.config, device))
        .insert_header((header::LOCATION, user_path(user.user.id)));
    Ok(response.json(NewSession { user, token }))
}

/// The invite of a secret, if there is one.
async fn invited(app: &App, address: IpAddr, secret: Option<String>) -> AppResult<Option<Invited>> {
    let Some(secret) = secret else { return Ok(None) };
    app.limits.invite(address)?;
    Ok(Some(app.accounts.invited(secret).await?))
}

/// List members
///
/// `query` is the beginning of a name or of any word of it. Only members may list members.
#[utoipa::path(get, path = USERS_PATH, operation_id = "list_users", tag = "users",
    security(("token" = []), ("cookie" = [])),
    params(("query" = Option<String>, Query), ("limit" = inline(Option<LimitSchema>), Query),
        ("cursor" = inline(Option<UserCursorSchema>), Query)),
    responses(
        (status = 200, description = "A page of members, oldest first", body = Page<User>,
            headers(("Link" = String, description = "The page after this one (RFC 8288)"))),
        (status = 403, description = "members_only")))]
pub async fn list(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    query: Query,
) -> AppResult<HttpResponse> {
    if identity.user.kind == UserKind::Guest {
        return Err(AppError::new(ErrorCode::MembersOnly));
    }
    let page = users(&app, &query, Listed::Members).await?;
    let items = page.items.into_iter().map(|account| account.me.user).collect();
    let page = Page { items, next_cursor: page.next_cursor, prev_cursor: page.prev_cursor };
    Ok(page_response(&page, USERS_PATH, query.limit()?, ("cursor", "cursor")))
}

/// A page of users by `query`, `limit` and `cursor`.
pub(super) async fn users(app: &App, query: &Query, listed: Listed) -> AppResult<Page<db::users::Account>> {
    let limit = query.limit()?;
    let after = query.get("cursor").map(UserKey::parse).transpose();
    let after = after.map_err(|_| AppError::new(ErrorCode::InvalidCursor))?;
    let name = query.get("query").unwrap_or_default().to_owned();
    if name.contains('\0') {
        let detail = "query cannot contain the NUL character.";
        return Err(AppError::invalid_field("query", InvalidCode::InvalidCharacters, detail));
    }
    Ok(app.db.run(move |conn| db::users::list(conn, listed, &name, after, limit)).await?)
}

/// Get the current user
#[utoipa::path(get, path = CURRENT_USER_PATH, operation_id = "get_current_user", tag = "users",
    security(("token" = []), ("cookie" = [])),
    responses((status = 200, description = "The user", body = Me)))]
pub async fn get_current(SignedIn(identity): SignedIn) -> HttpResponse {
    HttpResponse::Ok().json(identity.me())
}

/// Rename the current user
///
/// Nobody else can take the former name of a member for 90 days.
#[utoipa::path(patch, path = CURRENT_USER_PATH, operation_id = "update_current_user", tag = "users",
    security(("token" = []), ("cookie" = [])), request_body = UpdateUser,
    responses(
        (status = 200, description = "The user", body = Me),
        (status = 409, description = "username_taken"),
        (status = 429, description = "rate_limited")))]
pub async fn update_current(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let user = &identity.user;
    let parse = if user.kind == UserKind::Guest { Username::parse_guest } else { Username::parse_account };
    let UpdateUser { username } =
        body.read(|fields| Some(UpdateUser { username: fields.optional("username", parse) }))?;
    let me = match username.filter(|name| *name != user.username) {
        Some(name) => {
            app.limits.rename(user.id)?;
            let me = app.accounts.rename(&app.sessions, user, name).await?;
            app.tasks.wake();
            me
        }
        None => identity.me(),
    };
    Ok(HttpResponse::Ok().json(me))
}

/// Delete the current user
///
/// Their messages stay under the name "Deleted user", or are erased.
#[utoipa::path(post, path = DELETION_PATH, operation_id = "create_deletion", tag = "users",
    security(("token" = []), ("cookie" = [])), request_body = DeleteUser,
    responses(
        (status = 204, description = "Deleted"),
        (status = 403, description = "wrong_password"),
        (status = 409, description = "last_admin"),
        (status = 429, description = "rate_limited")))]
pub async fn create_deletion(
    SignedIn(identity): SignedIn,
    Peer(client): Peer,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let DeleteUser { password, messages } = body.read(|fields| {
        let password = fields.optional("password", |text| Ok(Password::to_compare(text)));
        fields.require("messages");
        let all = [DeletedMessages::Keep, DeletedMessages::Erase];
        let messages = fields.named("messages", all, DeletedMessages::name);
        Some(DeleteUser { password, messages: messages? })
    })?;
    if password.is_some() {
        app.limits.sign_in(&name_key(identity.user.username.as_str()), client.address)?;
    }
    app.accounts.delete(&app.sessions, client.address, &identity, password, messages).await?;
    app.tasks.finish(&app.db, &app.writer, identity.user.id).await;
    Ok(HttpResponse::NoContent().cookie(expired_cookie(&app.config)).finish())
}

/// Delete the current user, with a body
///
/// The same as `POST /users/me/deletion`, for clients that send bodies with DELETE.
#[utoipa::path(delete, path = CURRENT_USER_PATH, operation_id = "delete_current_user", tag = "users",
    security(("token" = []), ("cookie" = [])), request_body = DeleteUser,
    responses(
        (status = 204, description = "Deleted"),
        (status = 403, description = "wrong_password"),
        (status = 409, description = "last_admin"),
        (status = 429, description = "rate_limited")))]
pub async fn delete_current(
    signed_in: SignedIn,
    peer: Peer,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    create_deletion(signed_in, peer, app, body).await
}

/// Change the password
///
/// All other sessions of the user end.
#[utoipa::path(put, path = PASSWORD_PATH, operation_id = "change_password", tag = "users",
    security(("token" = []), ("cookie" = [])), request_body = ChangePassword,
    responses(
        (status = 204, description = "Changed"),
        (status = 403, description = "wrong_password"),
        (status = 429, description = "rate_limited")))]
pub async fn change_password(
    SignedIn(identity): SignedIn,
    Peer(client): Peer,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let ChangePassword { current_password, new_password } = body.read(|fields| {
        let current = fields.required("current_password", |text| Ok(Password::to_compare(text)));
        let new = fields.required("new_password", passwords::parse_new);
        Some(ChangePassword { current_password: current?, new_password: new? })
    })?;
    app.limits.sign_in(&name_key(identity.user.username.as_str()), client.address)?;
    app.accounts
        .change_password(&app.sessions, client.address, &identity, &current_password, &new_password)
        .await
        .map_err(|error| password_error(error, "new_password"))?;
    Ok(HttpResponse::NoContent().finish())
}

/// Get a user
///
/// Members see members, everybody sees those with whom they share a room.
#[utoipa::path(get, path = USER_PATH, operation_id = "get_user", tag = "users",
    security(("token" = []), ("cookie" = [])), params(("user_id" = UserId, Path)),
    responses((status = 200, description = "The user", body = User), (status = 404, description = "user_not_found")))]
pub async fn get(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    UserPath(id): UserPath,
) -> AppResult<HttpResponse> {
    let found = app.accounts.get(id).await?.me.user;
    let (me, other) = (identity.user.as_ref().clone(), found.clone());
    let is_seen = app.db.run(move |conn| may_know(conn, &me, &other)).await?;
    if is_seen { Ok(HttpResponse::Ok().json(found)) } else { Err(AppError::new(ErrorCode::UserNotFound)) }
}

/// The response to an error about a new password in the field of that name.
pub(super) fn password_error(error: AccountError, field: &str) -> AppError {
    match error {
        AccountError::InvalidPassword(invalid) => AppError::invalid(vec![FieldError::new(field, invalid)]),
        other => other.into(),
    }
}
