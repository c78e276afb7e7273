//! Authentication: extractors for requests that need a session, and for those that do not.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, dev, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use shared::admin::{ADMIN_PATH, ADMIN_USERS_PATH};
use shared::errors::ErrorCode;
use shared::sessions::SESSIONS_PATH;
use shared::streams::STREAMS_PATH;
use shared::tokens::TOKENS_PATH;
use shared::users::CURRENT_USER_PATH;

use super::address::client_address;
use super::origin;
use crate::api_tokens;
use crate::app::App;
use crate::config::{Access, Config};
use crate::db::token_hash::TokenHash;
use crate::error::{AppError, AppResult};
use crate::policy::{Principal, TokenRefusal, Use, may_use};
use crate::realtime::connection::Identity;
use crate::sessions::{self, Client};

/// A client that may read public rooms, with or without a session.
pub struct Reader(pub Option<Identity>);

impl Reader {
    /// The reader as the policy knows them.
    pub fn principal(&self) -> Principal {
        self.0.as_ref().map_or(Principal::NOBODY, Identity::principal)
    }
}

/// A client that may load files, with or without a session. A page shows many at once, so they have a rate of their own.
pub struct FileReader(pub Option<Identity>);

impl FileReader {
    /// The reader as the policy knows them.
    pub fn principal(&self) -> Principal {
        self.0.as_ref().map_or(Principal::NOBODY, Identity::principal)
    }
}

/// A client with a session.
pub struct SignedIn(pub Identity);

/// A client that may or may not have a session, in a request that creates one. A foreign origin is refused, also without
/// a cookie: a foreign page must not sign a browser in.
pub struct MaybeSignedIn {
    /// The session.
    pub identity: Option<Identity>,
    /// The session of the cookie, which the browser is about to replace.
    pub cookie: Option<TokenHash>,
}

/// A client that needs no session; one that it has is ignored. The request is counted for the address, and a foreign
/// origin is refused.
pub struct Visitor;

/// The program that makes a request, and its address. It neither counts nor authenticates.
pub struct Peer(pub Client);

/// How many characters of a `User-Agent` are kept.
const USER_AGENT_LENGTH: usize = 256;

/// The credentials of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials<'request> {
    /// `Authorization: Bearer`.
    Bearer(&'request str),
    /// The session cookie.
    Cookie(&'request str),
    /// No credentials.
    None,
}

impl<'request> Credentials<'request> {
    /// The credentials in the headers. `Authorization` takes precedence over the cookie, which browsers always send.
    ///
    /// # Errors
    /// 401 for an `Authorization` that is not a bearer token.
    pub fn of(config: &Config, headers: &'request HeaderMap) -> AppResult<Self> {
        if let Some(authorization) = headers.get(header::AUTHORIZATION) {
            let token = authorization.to_str().ok().and_then(|text| {
                let (scheme, token) = text.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
            });
            return token.map(Self::Bearer).ok_or_else(|| AppError::new(ErrorCode::InvalidToken));
        }
        let name = cookie_name(config);
        let cookie = headers
            .get_all(header::COOKIE)
            .filter_map(|cookies| cookies.to_str().ok())
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(found, _)| *found == name);
        Ok(cookie.map_or(Self::None, |(_, token)| Self::Cookie(token)))
    }
}

/// The name of the session cookie. The prefix `__Host-` makes browsers require `Secure`, `Path=/` and no `Domain`
/// (RFC 6265bis, section 4.1.3.2). It is not available over plain http.
pub fn cookie_name(config: &Config) -> &'static str {
    if config.is_https() { "__Host-parlance_session" } else { "parlance_session" }
}

/// The client that makes a request. `identity` is `None` without a session.
pub struct Caller {
    /// The address, as rate limits count it.
    pub address: IpAddr,
    /// The user and their session.
    pub identity: Option<Identity>,
}

/// Authenticates a request or a handshake and counts it against the rate limits. With `needs_origin`, a cookie is
/// accepted only from an allowed origin.
///
/// # Errors
/// 401 for an invalid bearer token, 403 for a foreign origin, 429 if the rate limit is exceeded, 503 if the database
/// does not answer.
pub async fn identify(
    app: &App,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
    needs_origin: bool,
) -> AppResult<Caller> {
    let address = client_address(&app.config.trusted_proxies, headers, peer);
    let identity = prove(app, headers, address, needs_origin).await;
    // A request that is not authenticated is counted by address, even if it is refused.
    let user = identity.as_ref().ok().and_then(Option::as_ref).map(|identity| identity.user.id);
    app.limits.request(user, address)?;
    Ok(Caller { address, identity: identity? })
}

async fn prove(
    app: &App,
    headers: &HeaderMap,
    address: IpAddr,
    needs_origin: bool,
) -> AppResult<Option<Identity>> {
    match Credentials::of(&app.config, headers)? {
        Credentials::Bearer(token) => {
            let identity = authenticate(app, token, address).await?;
            identity.map(Some).ok_or_else(|| AppError::new(ErrorCode::InvalidToken))
        }
        Credentials::Cookie(token) => {
            if needs_origin {
                origin::check(&app.config, headers)?;
            }
            // A request with an expired cookie is anonymous.
            authenticate(app, token, address).await
        }
        Credentials::None => Ok(None),
    }
}

/// The identity of a token; `None` if it is unknown, expired or signed out. The lookup of a token that is not cached is
/// counted for the address.
///
/// # Errors
/// 429 if the address made too many lookups, 503 if the database does not answer.
pub async fn authenticate(app: &App, token: &str, address: IpAddr) -> AppResult<Option<Identity>> {
    let is_token = api_tokens::is_api_token(token);
    if is_token && !api_tokens::is_whole(token) {
        return Ok(None);
    }
    let session = sessions::hash(token);
    if !app.sessions.is_known(&session) {
        app.limits.look_up(address)?;
    }
    Ok(app.sessions.get(session, is_token).await?)
}

/// Authenticates a request to the API.
async fn identify_request(request: &HttpRequest) -> AppResult<Caller> {
    let needs_origin = !request.method().is_safe();
    let caller = identify(app(request)?, request.headers(), peer(request), needs_origin).await?;
    if let Some(identity) = &caller.identity {
        check_scopes(identity, use_of(request.method(), request.path()))?;
    }
    Ok(caller)
}

/// What a request does with its credential.
fn use_of(method: &Method, path: &str) -> Use {
    let is_under =
        |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    // What is sent by a stream is checked command by command, as on a socket.
    let is_read = method.is_safe() || is_under(STREAMS_PATH);
    if is_read && path == CURRENT_USER_PATH {
        Use::Read
    } else if [SESSIONS_PATH, TOKENS_PATH, CURRENT_USER_PATH].into_iter().any(is_under) {
        Use::OwnAccount
    } else if is_under(ADMIN_USERS_PATH) && path.ends_with("/password-reset") {
        Use::Escalation
    } else if is_under(ADMIN_PATH) {
        if is_read { Use::AdminRead } else { Use::AdminWrite }
    } else if is_read {
        Use::Read
    } else {
        Use::Write
    }
}

/// Checks that a credential may be used so.
///
/// # Errors
/// 403 if it is a token without the scope.
pub fn check_scopes(identity: &Identity, use_: Use) -> AppResult<()> {
    let allowed = identity.scopes.map_or(Ok(()), |scopes| may_use(scopes, use_));
    allowed.map_err(|refusal| {
        AppError::new(match refusal {
            TokenRefusal::InsufficientScope => ErrorCode::InsufficientScope,
            TokenRefusal::NotAllowed => ErrorCode::TokenNotAllowed,
        })
    })
}

/// The address of a request, as rate limits count it.
pub fn address(app: &App, request: &HttpRequest) -> IpAddr {
    client_address(&app.config.trusted_proxies, request.headers(), peer(request))
}

fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|peer| peer.ip())
}

fn app(request: &HttpRequest) -> AppResult<&web::Data<App>> {
    request.app_data::<web::Data<App>>().ok_or_else(|| AppError::new(ErrorCode::Internal))
}

impl FromRequest for FileReader {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, AppResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let app = app(&request)?;
            let address = address(app, &request);
            let identity = prove(app, request.headers(), address, false).await;
            let user = identity.as_ref().ok().and_then(Option::as_ref).map(|identity| identity.user.id);
            app.limits.load_file(user, address)?;
            let identity = identity?;
            match &identity {
                Some(identity) => check_scopes(identity, Use::Read)?,
                None if app.config.access == Access::Members => {
                    return Err(AppError::new(ErrorCode::AuthenticationRequired));
                }
                None => {}
            }
            Ok(Self(identity))
        }
        .boxed_local()
    }
}

impl FromRequest for Visitor {
    type Error = AppError;
    type Future = Ready<AppResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let counted = app(request).and_then(|app| {
            app.limits.request(None, address(app, request))?;
            origin::check_foreign(&app.config, request.headers())?;
            Ok(Self)
        });
        ready(counted)
    }
}

impl FromRequest for Peer {
    type Error = AppError;
    type Future = Ready<AppResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let user_agent = agent.map(|agent| agent.chars().take(USER_AGENT_LENGTH).collect());
        ready(app(request).map(|app| Self(Client { user_agent, address: address(app, request) })))
    }
}

impl FromRequest for MaybeSignedIn {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, AppResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let app = app(&request)?;
            origin::check_foreign(&app.config, request.headers())?;
            let Caller { identity, .. } = identify_request(&request).await?;
            let cookie = match Credentials::of(&app.config, request.headers())? {
                Credentials::Cookie(_) => identity.as_ref().map(|identity| identity.session),
                Credentials::Bearer(_) | Credentials::None => None,
            };
            Ok(Self { identity, cookie })
        }
        .boxed_local()
    }
}

impl FromRequest for Reader {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, AppResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let Caller { identity, .. } = identify_request(&request).await?;
            if identity.is_none() && app(&request)?.config.access == Access::Members {
                return Err(AppError::new(ErrorCode::AuthenticationRequired));
            }
            Ok(Self(identity))
        }
        .boxed_local()
    }
}

impl FromRequest for SignedIn {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, AppResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let Caller { identity, .. } = identify_request(&request).await?;
            identity.map(Self).ok_or_else(|| AppError::new(ErrorCode::AuthenticationRequired))
        }
        .boxed_local()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn a_token_is_used_for_what_the_method_and_the_path_say() {
        for (method, path, expected) in [
            (Method::GET, "/api/v1/rooms", Use::Read),
            (Method::HEAD, "/api/v1/users/me", Use::Read),
            (Method::POST, "/api/v1/rooms", Use::Write),
            (Method::PATCH, "/api/v1/users/me", Use::OwnAccount),
            (Method::PUT, "/api/v1/users/me/password", Use::OwnAccount),
            (Method::GET, "/api/v1/sessions", Use::OwnAccount),
            (Method::DELETE, "/api/v1/sessions/current", Use::OwnAccount),
            (Method::GET, "/api/v1/tokens", Use::OwnAccount),
            (Method::GET, "/api/v1/admin/users", Use::AdminRead),
            (Method::PATCH, "/api/v1/admin/settings", Use::AdminWrite),
            (Method::POST, "/api/v1/admin/users/x/password-reset", Use::Escalation),
        ] {
            assert_eq!(use_of(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn the_authorization_header_takes_precedence_over_the_cookie() {
        let config = Config::parse_from(["parlance"]);
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "theme=dark; parlance_session=abc".parse().unwrap());
        assert_eq!(Credentials::of(&config, &headers).unwrap(), Credentials::Cookie("abc"));
        headers.insert(header::AUTHORIZATION, "bearer xyz".parse().unwrap());
        assert_eq!(Credentials::of(&config, &headers).unwrap(), Credentials::Bearer("xyz"));
        headers.insert(header::AUTHORIZATION, "Basic eHl6".parse().unwrap());
        assert_eq!(Credentials::of(&config, &headers).unwrap_err().code, ErrorCode::InvalidToken);
    }
}
