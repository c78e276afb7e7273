//! Personal API tokens.

use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use shared::errors::ErrorCode;
use shared::ids::TokenId;
use shared::text::{Invalid, InvalidCode};
use shared::tokens::{CreateToken, MAX_LIFETIME_SECONDS, NewToken, Scope, TOKENS_PATH, TokenName, Tokens};
use shared::users::{Password, UserKind};

use super::body::JsonBody;
use super::endpoint::{Endpoint, Needs};
use super::identity::{Peer, SignedIn};
use crate::app::App;
use crate::clock;
use crate::db;
use crate::db::name_key::name_key;
use crate::error::{AppError, AppResult};

const TOKEN_PATH: &str = "/api/v1/tokens/{token_id}";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, TOKENS_PATH, Needs::Session, list),
        Endpoint::new(Method::POST, TOKENS_PATH, Needs::Session, create),
        Endpoint::new(Method::DELETE, TOKEN_PATH, Needs::Session, delete),
    ]
}

/// The token id in a path.
pub struct TokenPath(TokenId);

impl FromRequest for TokenPath {
    type Error = AppError;
    type Future = std::future::Ready<AppResult<Self>>;

    /// A text that is not a UUID is answered with 404, like an unknown id.
    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let id = request.match_info().query("token_id").parse().map(Self);
        std::future::ready(id.map_err(|_| AppError::new(ErrorCode::TokenNotFound)))
    }
}

/// List the API tokens of the current user, newest first
#[utoipa::path(get, path = TOKENS_PATH, operation_id = "list_tokens", tag = "tokens",
    security(("token" = []), ("cookie" = [])),
    responses(
        (status = 200, description = "The tokens, without their secrets", body = Tokens),
        (status = 403, description = "members_only, token_not_allowed")))]
pub async fn list(SignedIn(identity): SignedIn, app: web::Data<App>) -> AppResult<HttpResponse> {
    if identity.user.kind == UserKind::Guest {
        return Err(AppError::new(ErrorCode::MembersOnly));
    }
    let user = identity.user.id;
    let items = app.db.run(move |conn| db::tokens::list(conn, user, clock::now())).await?;
    Ok(HttpResponse::Ok().json(Tokens { items }))
}

/// Create an API token
///
/// `read` allows safe methods and sockets that only listen, `write` the rest, `admin` the paths of admins beside one of
/// the others. A token is used like that of a session, but not for sessions, tokens and the account itself.
#[utoipa::path(post, path = TOKENS_PATH, operation_id = "create_token", tag = "tokens",
    security(("token" = []), ("cookie" = [])), request_body = CreateToken,
    responses(
        (status = 201, description = "The token, which is shown once", body = NewToken),
        (status = 403, description = "members_only, wrong_password, token_not_allowed"),
        (status = 429, description = "rate_limited")))]
pub async fn create(
    SignedIn(identity): SignedIn,
    Peer(client): Peer,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    if identity.user.kind == UserKind::Guest {
        return Err(AppError::new(ErrorCode::MembersOnly));
    }
    let create = body.read(|fields| {
        let name = fields.required("name", TokenName::parse);
        let scopes = fields.texts("scopes", parse_scope);
        let password = fields.required("password", |text| Ok(Password::to_compare(text)));
        let expires_in_seconds = fields.number("expires_in_seconds", 1..=MAX_LIFETIME_SECONDS);
        Some(CreateToken { name: name?, scopes: scopes?, password: password?, expires_in_seconds })
    })?;
    app.limits.sign_in(&name_key(identity.user.username.as_str()), client.address)?;
    let token: NewToken = app.accounts.create_token(client.address, &identity, create).await?;
    Ok(HttpResponse::Created().json(token))
}

fn parse_scope(text: &str) -> Result<Scope, Invalid> {
    let found = Scope::ALL.into_iter().find(|scope| scope.name() == text);
    found.ok_or_else(|| Invalid::new(InvalidCode::InvalidFormat, "A scope is read, write or admin."))
}

/// Delete an API token
///
/// It is worth nothing from then on, and its sockets are closed with 4401.
#[utoipa::path(delete, path = TOKEN_PATH, operation_id = "delete_token", tag = "tokens",
    security(("token" = []), ("cookie" = [])), params(("token_id" = TokenId, Path)),
    responses(
        (status = 204, description = "Deleted"),
        (status = 403, description = "token_not_allowed"),
        (status = 404, description = "token_not_found")))]
pub async fn delete(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    TokenPath(id): TokenPath,
) -> AppResult<HttpResponse> {
    app.accounts.delete_token(&app.sessions, identity.user.id, id).await?;
    Ok(HttpResponse::NoContent().finish())
}
