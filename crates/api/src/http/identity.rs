//! Who makes a request: extractors for anybody who may read, and for somebody who is signed in.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, dev, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use shared::errors::ErrorCode;

use super::address::client_address;
use super::origin;
use crate::app::App;
use crate::config::{Access, Config};
use crate::error::{AppError, AppResult};
use crate::realtime::connection::Identity;
use crate::sessions;

/// Somebody who may read public rooms, with or without a session.
pub struct Reader;

/// Somebody with a session.
pub struct SignedIn(pub Identity);

/// The address of somebody who needs no session, counted as a request.
pub struct Address(pub IpAddr);

/// How a request proves who makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials<'request> {
    /// `Authorization: Bearer`.
    Bearer(&'request str),
    /// The session cookie.
    Cookie(&'request str),
    /// Not at all.
    None,
}

impl<'request> Credentials<'request> {
    /// What the headers carry. A header beats a cookie, which the browser sends unasked.
    ///
    /// # Errors
    /// 401 for an `Authorization` that is no bearer token.
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

/// The session cookie's name. The prefix makes browsers insist on `Secure`, `Path=/` and this very host
/// (RFC 6265bis, section 4.1.3.2); it cannot be had over plain http.
pub fn cookie_name(config: &Config) -> &'static str {
    if config.is_https() { "__Host-parlance_session" } else { "parlance_session" }
}

/// Who makes a request. `identity` is `None` for somebody without a session.
pub struct Caller {
    /// The address that is counted.
    pub address: IpAddr,
    /// The user and their session.
    pub identity: Option<Identity>,
}

/// Who makes a request or a handshake, counted against the rate limits. With
/// `needs_origin`, a cookie is believed only from a page of this server.
///
/// # Errors
/// 401 for a bad bearer token, 403 for a foreign origin, 429 when there were too many requests, 503 when the database
/// cannot tell.
pub async fn identify(
    app: &App,
    headers: &HeaderMap,
    peer: Option<IpAddr>,
    needs_origin: bool,
) -> AppResult<Caller> {
    let address = client_address(&app.config.trusted_proxies, headers, peer);
    let identity = prove(app, headers, address, needs_origin).await;
    // Whoever could not prove anything is counted by address, whatever they tried.
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
            // A cookie that ran out is as good as none.
            authenticate(app, token, address).await
        }
        Credentials::None => Ok(None),
    }
}

/// Whose token it is; `None` when it is unknown, expired or signed out. A token that the server has not seen before is
/// counted for the address before the database is asked.
///
/// # Errors
/// 429 when the address presented too many of those, 503 when the database cannot tell.
pub async fn authenticate(app: &App, token: &str, address: IpAddr) -> AppResult<Option<Identity>> {
    let session = sessions::hash(token);
    if !app.sessions.is_known(&session) {
        app.limits.look_up(address)?;
    }
    Ok(app.sessions.get(session).await?)
}

/// The maker of a request to the API.
async fn identify_request(request: &HttpRequest) -> AppResult<Caller> {
    let needs_origin = !request.method().is_safe();
    identify(app(request)?, request.headers(), peer(request), needs_origin).await
}

/// The address that a request is counted for.
pub fn address(app: &App, request: &HttpRequest) -> IpAddr {
    client_address(&app.config.trusted_proxies, request.headers(), peer(request))
}

fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|peer| peer.ip())
}

fn app(request: &HttpRequest) -> AppResult<&web::Data<App>> {
    request.app_data::<web::Data<App>>().ok_or_else(|| AppError::new(ErrorCode::Internal))
}

impl FromRequest for Address {
    type Error = AppError;
    type Future = Ready<AppResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let counted = app(request).and_then(|app| {
            let address = address(app, request);
            app.limits.request(None, address)?;
            Ok(Self(address))
        });
        ready(counted)
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
            Ok(Self)
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
    fn a_header_beats_a_cookie() {
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
