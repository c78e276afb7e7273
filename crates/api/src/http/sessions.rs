//! Sessions of the user who makes the request: signing in and out.

use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, dev, web};
use chrono::Utc;
use shared::errors::ErrorCode;
use shared::ids::SessionId;
use shared::sessions::{CURRENT_SESSION_PATH, CreateSession, SESSIONS_PATH, Sessions};
use shared::users::{Password, SignedIn as NewSession};

use super::body::JsonBody;
use super::endpoint::{Endpoint, Needs};
use super::identity::{MaybeSignedIn, Peer, SignedIn, cookie_name};
use crate::app::App;
use crate::config::Config;
use crate::db::name_key::name_key;
use crate::db::token_hash::TokenHash;
use crate::db::{self, DbError};
use crate::error::{AppError, AppResult};
use crate::sessions::{IDLE_LIFETIME, LIFETIME};

const SESSION_PATH: &str = "/api/v1/sessions/{session_id}";

/// The name of the cookie of `crate::devices`.
const DEVICE_COOKIE: &str = "parlance_device";

/// The message for a sign-out whose deletion the database did not confirm.
const NOT_YET_DELETED: &str = "The token is refused from now on, but the database has not confirmed that the session \
     is deleted. The server goes on trying.";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, SESSIONS_PATH, Needs::Nothing, create),
        Endpoint::new(Method::GET, SESSIONS_PATH, Needs::Session, list),
        Endpoint::new(Method::DELETE, SESSIONS_PATH, Needs::Session, delete_others),
        Endpoint::new(Method::DELETE, CURRENT_SESSION_PATH, Needs::Session, delete_current),
        Endpoint::new(Method::DELETE, SESSION_PATH, Needs::Session, delete),
    ]
}

/// The session id in a path.
pub struct SessionPath(SessionId);

impl FromRequest for SessionPath {
    type Error = AppError;
    type Future = std::future::Ready<AppResult<Self>>;

    /// A text that is not a UUID is answered with 404, like an unknown id.
    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let id = request.match_info().query("session_id").parse().map(Self);
        std::future::ready(id.map_err(|_| AppError::new(ErrorCode::SessionNotFound)))
    }
}

/// Sign in with a password
///
/// The session of the cookie that the new one replaces ends.
#[utoipa::path(post, path = SESSIONS_PATH, operation_id = "create_session", tag = "sessions",
    request_body = CreateSession,
    responses(
        (status = 201, description = "The user and the token", body = NewSession,
            headers(("Set-Cookie" = String, description = "The session, for browsers"))),
        (status = 401, description = "invalid_credentials"),
        (status = 403, description = "account_disabled, origin_refused"),
        (status = 429, description = "rate_limited")))]
pub async fn create(
    MaybeSignedIn { cookie, .. }: MaybeSignedIn,
    Peer(client): Peer,
    request: HttpRequest,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let CreateSession { username, password } = body.read(|fields| {
        let username = fields.required("username", |text| Ok(text.to_owned()));
        let password = fields.required("password", |text| Ok(Password::to_compare(text)));
        Some(CreateSession { username: username?, password: password? })
    })?;
    let key = name_key(username.trim());
    app.limits.sign_in(&key, client.address)?;
    if let Err(limited) = app.limits.sign_in_from_anywhere(&key) {
        let known = device_cookie(&request).and_then(|cookie| app.devices.user(&cookie));
        let account = app.accounts.find(&username).await?.map(|account| account.me.user.id);
        if known.is_none() || known != account {
            return Err(limited.into());
        }
    }
    let (user, token) = app.accounts.sign_in(&app.sessions, &client, cookie, &username, &password).await?;
    let device = app.devices.cookie(user.user.id);
    let mut response = HttpResponse::Created();
    response
        .cookie(session_cookie(&app.config, token.clone()))
        .cookie(new_device_cookie(&app.config, device));
    Ok(response.json(NewSession { user, token }))
}

fn device_cookie(request: &HttpRequest) -> Option<String> {
    request.cookie(DEVICE_COOKIE).map(|cookie| cookie.value().to_owned())
}

/// List the sessions of the current user, newest first
#[utoipa::path(get, path = SESSIONS_PATH, operation_id = "list_sessions", tag = "sessions",
    security(("token" = []), ("cookie" = [])),
    responses((status = 200, description = "The sessions", body = Sessions)))]
pub async fn list(SignedIn(identity): SignedIn, app: web::Data<App>) -> AppResult<HttpResponse> {
    let (user, current) = (identity.user.id, identity.session);
    let (oldest, idle_since) = (Utc::now() - LIFETIME, Utc::now() - IDLE_LIFETIME);
    let items = app.db.run(move |conn| db::sessions::list(conn, user, &current, oldest, idle_since)).await?;
    Ok(HttpResponse::Ok().json(Sessions { items }))
}

/// Sign out everywhere else
///
/// All other sessions of the user end.
#[utoipa::path(delete, path = SESSIONS_PATH, operation_id = "delete_other_sessions", tag = "sessions",
    security(("token" = []), ("cookie" = [])),
    responses((status = 204, description = "The other sessions ended")))]
pub async fn delete_others(SignedIn(identity): SignedIn, app: web::Data<App>) -> AppResult<HttpResponse> {
    app.accounts.end_other_sessions(&app.sessions, &identity).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End a session of the current user
#[utoipa::path(delete, path = SESSION_PATH, operation_id = "delete_session", tag = "sessions",
    security(("token" = []), ("cookie" = [])), params(("session_id" = SessionId, Path)),
    responses((status = 204, description = "Ended"), (status = 404, description = "session_not_found")))]
pub async fn delete(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    SessionPath(id): SessionPath,
) -> AppResult<HttpResponse> {
    let user = identity.user.id;
    let found = app.db.run(move |conn| db::sessions::find(conn, user, id)).await;
    let session = found.map_err(|error| match error {
        DbError::NotFound => AppError::new(ErrorCode::SessionNotFound),
        other => other.into(),
    })?;
    let mut response = end(&app, session).await;
    if session == identity.session {
        remove_cookie(&app.config, &mut response)?;
    }
    Ok(response)
}

/// Sign out
///
/// The token becomes invalid, and the sockets of the session are closed with 4401.
#[utoipa::path(delete, path = CURRENT_SESSION_PATH, operation_id = "delete_current_session", tag = "sessions",
    security(("token" = []), ("cookie" = [])),
    responses((status = 204, description = "Signed out",
        headers(("Set-Cookie" = String, description = "Removes the session's cookie")))))]
pub async fn delete_current(app: web::Data<App>, SignedIn(identity): SignedIn) -> AppResult<HttpResponse> {
    let mut response = end(&app, identity.session).await;
    remove_cookie(&app.config, &mut response)?;
    Ok(response)
}

async fn end(app: &App, session: TokenHash) -> HttpResponse {
    match app.sessions.delete(session).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(error) => {
            tracing::warn!(%error, "a session could not be deleted yet");
            AppError::because(ErrorCode::OutcomeUnknown, NOT_YET_DELETED).error_response()
        }
    }
}

/// The cookie of a session.
pub(super) fn session_cookie(config: &Config, token: String) -> Cookie<'static> {
    Cookie::build(cookie_name(config), token)
        .path("/")
        .http_only(true)
        .secure(config.is_https())
        .same_site(SameSite::Lax)
        .max_age(CookieDuration::seconds(LIFETIME.num_seconds()))
        .finish()
}

/// The cookie by which a browser is recognised that has signed in before. Only signing in sends it.
pub(super) fn new_device_cookie(config: &Config, value: String) -> Cookie<'static> {
    Cookie::build(DEVICE_COOKIE, value)
        .path(SESSIONS_PATH)
        .http_only(true)
        .secure(config.is_https())
        .same_site(SameSite::Strict)
        .max_age(CookieDuration::days(365))
        .finish()
}

/// The cookie that removes the one of a session.
pub(super) fn expired_cookie(config: &Config) -> Cookie<'static> {
    let mut cookie = session_cookie(config, String::new());
    cookie.make_removal();
    cookie
}

fn remove_cookie(config: &Config, response: &mut HttpResponse) -> AppResult<()> {
    let cookie = expired_cookie(config);
    response.add_cookie(&cookie).map_err(|_| AppError::new(ErrorCode::Internal))
}
