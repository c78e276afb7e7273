//! The check of `Origin` (RFC 6454): a cookie is accepted only from an allowed origin.
//!
//! It protects against cross-site request forgery and cross-site WebSocket hijacking.

use actix_web::http::header::{self, HeaderMap};
use shared::errors::ErrorCode;

use crate::config::Config;
use crate::error::{AppError, AppResult};

/// Checks that `Origin` is that of this server, of its public URL or an allowed one.
///
/// # Errors
/// 403 `origin_refused` for any other origin, for `null` and for a missing header.
pub fn check(config: &Config, headers: &HeaderMap) -> AppResult<()> {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match origin {
        Some(origin) if is_own(config, origin, host) => Ok(()),
        _ => Err(AppError::new(ErrorCode::OriginRefused)),
    }
}

/// Checks the `Origin` of a request that has one. Requests without it pass.
///
/// # Errors
/// 403 `origin_refused`.
pub fn check_foreign(config: &Config, headers: &HeaderMap) -> AppResult<()> {
    if headers.contains_key(header::ORIGIN) { check(config, headers) } else { Ok(()) }
}

fn is_own(config: &Config, origin: &str, host: Option<&str>) -> bool {
    let Some(authority) = authority(origin) else { return false };
    if host.is_some_and(|host| without_default_port(host, origin).eq_ignore_ascii_case(authority)) {
        return true;
    }
    config
        .allowed_origins
        .iter()
        .chain(&config.public_url)
        .any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

/// The host and port of an origin; `None` for `null`.
fn authority(origin: &str) -> Option<&str> {
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))?;
    Some(without_default_port(rest, origin))
        .filter(|authority| !authority.is_empty() && !authority.contains('/'))
}

fn without_default_port<'text>(authority: &'text str, origin: &str) -> &'text str {
    let port = if origin.starts_with("https://") { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn passes(arguments: &[&str], origin: Option<&str>, host: &str) -> bool {
        let config = Config::parse_from([&["parlance"], arguments].concat());
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        check(&config, &headers).is_ok()
    }

    #[test]
    fn the_origin_of_this_server_passes_also_behind_a_tls_proxy() {
        assert!(passes(&[], Some("http://localhost:3000"), "localhost:3000"));
        assert!(passes(&[], Some("https://chat.example.org"), "chat.example.org"));
        assert!(passes(&[], Some("https://chat.example.org"), "chat.example.org:443"));
    }

    #[test]
    fn a_foreign_null_or_missing_origin_is_refused() {
        for origin in
            ["http://evil.example", "null", "http://localhost:3001", "localhost:3000", "http://", "file://"]
        {
            assert!(!passes(&[], Some(origin), "localhost:3000"), "{origin}");
        }
        assert!(!passes(&[], None, "localhost:3000"));
    }

    #[test]
    fn an_allowed_origin_and_the_public_url_pass() {
        let development = ["--allowed-origins", "http://localhost:8080,http://127.0.0.1:8080"];
        assert!(passes(&development, Some("http://127.0.0.1:8080"), "127.0.0.1:3000"));
        assert!(passes(
            &["--public-url", "https://chat.example.org/"],
            Some("https://chat.example.org"),
            "10.0.0.7"
        ));
    }
}
