//! The files of the web client, embedded in the binary, with their brotli and gzip variants if the build created them.
//!
//! Files with hashed names are immutable. The page itself is revalidated each time, with 304 if it is unchanged.

use std::borrow::Cow;
use std::sync::LazyLock;

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rust_embed::{Embed, EmbeddedFile};
use sha2::{Digest, Sha256};
use shared::errors::ErrorCode;

use crate::error::{AppError, AppResult};

/// The output of `trunk build`. If it is missing at build time, the server answers with an explanation instead.
#[derive(Embed)]
#[folder = "../../dist"]
#[allow_missing = true]
struct Dist;

const INDEX: &str = "index.html";

/// The content security policy of the page.
static CSP: LazyLock<String> = LazyLock::new(|| {
    let index = Dist::get(INDEX).map(|file| file.data).unwrap_or_default();
    page_csp(&String::from_utf8_lossy(&index))
});

fn etag(file: &EmbeddedFile) -> String {
    format!("\"{}\"", STANDARD.encode(&file.metadata.sha256_hash()[..18]))
}

/// Mounts the page and its files.
pub fn configure(config: &mut web::ServiceConfig) {
    for path in [
        "/rooms",
        "/rooms/{room_id}",
        "/rooms/{room_id}/messages/{message_id}",
        "/setup",
        "/reset",
        "/invite",
        "/admin",
    ] {
        config.service(web::resource(path).route(web::get().to(page)).route(web::head().to(page)));
    }
    config
        .service(web::resource("/").route(web::get().to(to_rooms)).route(web::head().to(to_rooms)))
        .default_service(web::to(file));
}

/// Redirects `/` to the rooms.
async fn to_rooms() -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, "/rooms")).finish()
}

/// The page of the client, for each of its paths.
async fn page(request: HttpRequest) -> AppResult<HttpResponse> {
    if Dist::get(INDEX).is_none() {
        let detail =
            "This server was built without the client: run `trunk build --release` before `cargo build`.";
        return Err(AppError::because(ErrorCode::NotFound, detail));
    }
    serve(&request, INDEX)
}

/// A file of the client, or 404.
async fn file(request: HttpRequest) -> AppResult<HttpResponse> {
    let path = request.path().trim_start_matches('/');
    let is_encoding = path.ends_with(".br") || path.ends_with(".gz");
    if path == INDEX || is_encoding || Dist::get(path).is_none() {
        return Err(AppError::new(ErrorCode::NotFound));
    }
    if *request.method() != Method::GET && *request.method() != Method::HEAD {
        return Ok(HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET, HEAD")).finish());
    }
    serve(&request, path)
}

fn serve(request: &HttpRequest, path: &str) -> AppResult<HttpResponse> {
    let (file, encoding) = [("br", ".br"), ("gzip", ".gz"), ("identity", "")]
        .into_iter()
        .filter(|(encoding, _)| *encoding == "identity" || accepts(request, encoding))
        .find_map(|(encoding, suffix)| Dist::get(&format!("{path}{suffix}")).map(|file| (file, encoding)))
        .ok_or_else(|| AppError::new(ErrorCode::NotFound))?;
    let etag = etag(&file);
    let is_known =
        request.headers().get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).is_some_and(
            |tags| tags == "*" || tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag),
        );
    let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::CACHE_CONTROL, cache_control(path)));
    if path == INDEX {
        response.insert_header((header::CONTENT_SECURITY_POLICY, CSP.as_str()));
    }
    if is_known {
        return Ok(response.finish());
    }
    if encoding != "identity" {
        response.insert_header((header::CONTENT_ENCODING, encoding));
    }
    Ok(response.insert_header((header::CONTENT_TYPE, content_type(path))).body(bytes_of(file)))
}

fn bytes_of(file: EmbeddedFile) -> Bytes {
    match file.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        // A debug build reads it from the disk.
        Cow::Owned(data) => data.into(),
    }
}

fn cache_control(path: &str) -> &'static str {
    if is_hashed(path) { "public, max-age=31536000, immutable" } else { "no-cache" }
}

/// The names of a release: `web-0123456789abcdef.js`, `style-0123456789abcdef.css`.
fn is_hashed(path: &str) -> bool {
    path.split(['-', '.', '_', '/'])
        .any(|part| part.len() >= 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether `Accept-Encoding` names the encoding without `q=0` (RFC 9110, section 12.5.3).
fn accepts(request: &HttpRequest, encoding: &str) -> bool {
    let Some(accepted) = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    accepted.split(',').any(|item| {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let quality =
            parameters.trim().strip_prefix("q=").and_then(|quality| quality.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(encoding) && quality.is_none_or(|quality| quality > 0.0)
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// Allows scripts of this server, WebAssembly, and the page's inline scripts by hash. Nonces would require a dynamic
/// page, which could not be compressed at build time.
fn page_csp(page: &str) -> String {
    let hashes: String = inline_scripts(page)
        .map(|script| format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(script))))
        .collect();
    format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{hashes}; style-src 'self'; img-src 'self' data: blob:; \
         connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// The contents of script elements without `src`.
fn inline_scripts(page: &str) -> impl Iterator<Item = &str> {
    page.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (script, _) = rest.split_once("</script>")?;
        (!attributes.contains("src=")).then_some(script)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_inline_scripts_by_hash_and_nothing_unsafe() {
        let csp = page_csp("<script type=\"module\">run()</script><script src=\"/a.js\"></script>");
        assert!(csp.contains(&format!("'sha256-{}'", STANDARD.encode(Sha256::digest("run()")))), "{csp}");
        assert_eq!(csp.matches("'sha256-").count(), 1);
        assert!(!csp.contains("unsafe-inline"));
    }

    #[test]
    fn only_hashed_names_are_immutable() {
        assert!(is_hashed("web-0123456789abcdef_bg.wasm"));
        assert!(is_hashed("style-89c5b1f3a1b2c3d4.css"));
        assert!(!is_hashed("favicon.svg"));
        assert!(!is_hashed("index.html"));
    }
}
