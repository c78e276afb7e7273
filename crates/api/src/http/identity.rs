//! Who makes a request: extractors for "anybody who may read" and "somebody who is signed in".

use std::net::{IpAddr, Ipv4Addr};

use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, dev, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use shared::errors::ErrorCode;

use super::origin;
use crate::app::App;
use crate::config::{Access, Config};
use crate::error::{AppError, AppResult};
use crate::realtime::connection::Identity;

/// Somebody who may read public rooms; signed in or not.
pub struct Reader;

/// Somebody who is signed in.
pub struct SignedIn(pub Identity);

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

/// The address that a request came from; a trusted proxy's word is taken for it.
pub fn client_address(config: &Config, headers: &HeaderMap, peer: Option<IpAddr>) -> IpAddr {
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    if !config.trusted_proxies.contains(&peer) {
        return peer;
    }
    // The last address that is not a proxy of ours: what stands before it anybody could have written.
    headers
        .get_all(header::X_FORWARDED_FOR)
        .filter_map(|hops| hops.to_str().ok())
        .flat_map(|hops| hops.split(','))
        .filter_map(|hop| hop.trim().parse().ok())
        .rfind(|hop| !config.trusted_proxies.contains(hop))
        .unwrap_or(peer)
}

/// Who makes the request; `None` for nobody. A cookie that counts must come from a page of ours when
/// `needs_origin`.
///
/// # Errors
/// 401 for a bad bearer token, 403 for a foreign origin, 503 when the database cannot tell.
pub async fn identify(app: &App, headers: &HeaderMap, needs_origin: bool) -> AppResult<Option<Identity>> {
    match Credentials::of(&app.config, headers)? {
        Credentials::Bearer(token) => {
            let identity = app.sessions.get(token).await?;
            identity.map(Some).ok_or_else(|| AppError::new(ErrorCode::InvalidToken))
        }
        Credentials::Cookie(token) => {
            if needs_origin {
                origin::check(&app.config, headers)?;
            }
            // A cookie that ran out is as good as none.
            Ok(app.sessions.get(token).await?)
        }
        Credentials::None => Ok(None),
    }
}

/// The request's maker, counted against the rate limits.
async fn identify_request(request: &HttpRequest) -> AppResult<Option<Identity>> {
    let app = app(request)?;
    let identity = identify(app, request.headers(), !request.method().is_safe()).await?;
    let user = identity.as_ref().map(|identity| identity.user.id);
    app.limits.request(user, address(app, request))?;
    Ok(identity)
}

/// The address that a request came from.
pub fn address(app: &App, request: &HttpRequest) -> IpAddr {
    client_address(&app.config, request.headers(), request.peer_addr().map(|peer| peer.ip()))
}

fn app(request: &HttpRequest) -> AppResult<&web::Data<App>> {
    request.app_data::<web::Data<App>>().ok_or_else(|| AppError::new(ErrorCode::Internal))
}

impl FromRequest for Reader {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, AppResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let request = request.clone();
        async move {
            let identity = identify_request(&request).await?;
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
            let identity = identify_request(&request).await?;
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
    fn only_a_trusted_proxy_is_believed() {
        let config = Config::parse_from(["parlance", "--trusted-proxies", "127.0.0.1,10.0.0.1"]);
        let mut headers = HeaderMap::new();
        headers.insert(header::X_FORWARDED_FOR, "6.6.6.6, 203.0.113.9, 10.0.0.1".parse().unwrap());
        let address = |peer: &str| client_address(&config, &headers, peer.parse().ok()).to_string();
        assert_eq!(address("127.0.0.1"), "203.0.113.9");
        assert_eq!(address("198.51.100.1"), "198.51.100.1");
    }

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
