//! Users and their sessions.

use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::Method;
use actix_web::{HttpResponse, ResponseError, web};
use shared::errors::ErrorCode;
use shared::users::{
    CURRENT_SESSION_PATH, CURRENT_USER_PATH, CreateGuest, GUESTS_PATH, Guest, User, Username,
};

use super::body::JsonBody;
use super::endpoint::Endpoint;
use super::identity::{Address, SignedIn, cookie_name};
use crate::app::App;
use crate::config::Config;
use crate::error::{AppError, AppResult};
use crate::sessions::LIFETIME;

/// The message for a sign-out whose deletion the database did not confirm.
const NOT_YET_DELETED: &str = "The token is refused from now on, but the database has not confirmed that the session \
     is deleted. The server goes on trying.";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, GUESTS_PATH, create_guest),
        Endpoint::new(Method::GET, CURRENT_USER_PATH, get_current),
        Endpoint::new(Method::DELETE, CURRENT_SESSION_PATH, delete_session),
    ]
}

/// Create a guest
///
/// The token is for `Authorization: Bearer`. Browsers can use the cookie of the response instead.
#[utoipa::path(post, path = GUESTS_PATH, operation_id = "create_guest", tag = "users", request_body = CreateGuest,
    responses(
        (status = 201, description = "The guest and the token", body = Guest,
            headers(("Set-Cookie" = String, description = "The session, for browsers"))),
        (status = 409, description = "username_taken"),
        (status = 429, description = "rate_limited")))]
pub async fn create_guest(
    Address(address): Address,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let CreateGuest { username } = body.read(|fields| {
        let username = fields.required("username", Username::parse_guest);
        Some(CreateGuest { username: username? })
    })?;
    app.limits.create_guest(address)?;
    let (user, token) = app.sessions.create_guest(username).await?;
    let cookie = session_cookie(&app.config, token.clone());
    Ok(HttpResponse::Created().cookie(cookie).json(Guest { user, token }))
}

/// Get the current user
#[utoipa::path(get, path = CURRENT_USER_PATH, operation_id = "get_current_user", tag = "users",
    security(("token" = []), ("cookie" = [])),
    responses((status = 200, description = "The user", body = User)))]
pub async fn get_current(SignedIn(identity): SignedIn) -> HttpResponse {
    HttpResponse::Ok().json(identity.user.as_ref())
}

/// Sign out
///
/// The token becomes invalid, and the sockets of the session are closed with 4401.
#[utoipa::path(delete, path = CURRENT_SESSION_PATH, operation_id = "delete_current_session", tag = "users",
    security(("token" = []), ("cookie" = [])),
    responses((status = 204, description = "Signed out",
        headers(("Set-Cookie" = String, description = "Removes the session's cookie")))))]
pub async fn delete_session(app: web::Data<App>, SignedIn(identity): SignedIn) -> AppResult<HttpResponse> {
    let mut response = match app.sessions.delete(&identity).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(error) => {
            tracing::warn!(%error, "a session could not be deleted yet");
            AppError::because(ErrorCode::OutcomeUnknown, NOT_YET_DELETED).error_response()
        }
    };
    let mut cookie = session_cookie(&app.config, String::new());
    cookie.make_removal();
    response.add_cookie(&cookie).map_err(|_| AppError::new(ErrorCode::Internal))?;
    Ok(response)
}

fn session_cookie(config: &Config, token: String) -> Cookie<'static> {
    Cookie::build(cookie_name(config), token)
        .path("/")
        .http_only(true)
        .secure(config.is_https())
        .same_site(SameSite::Lax)
        .max_age(CookieDuration::seconds(LIFETIME.num_seconds()))
        .finish()
}
