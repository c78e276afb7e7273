//! The middleware around every request: it adds the request id and security headers, and writes the problem body
//! (RFC 9457) of errors of handlers, extractors and actix.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, web};
use shared::errors::{ErrorCode, PROBLEM_CONTENT_TYPE, PROBLEMS_PATH, Problem};
use uuid::Uuid;

use super::body;
use crate::app::App;
use crate::error::AppError;

/// The header of the request id, in requests and responses.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_URI_BYTES: usize = 4 * 1024;
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// The content security policy of responses that are not pages.
const API_CSP: &str = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The content security policy of Swagger UI, which has inline styles.
const DOCS_CSP: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Wraps every request.
///
/// # Errors
/// Errors of actix that are not responses.
pub async fn middleware<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let request_id = request_id(request.headers());
    let is_https = request.app_data::<web::Data<App>>().is_some_and(|app| app.config.is_https());
    let is_draining = request.app_data::<web::Data<App>>().is_some_and(|app| app.is_draining());
    let checked = match check(&request, is_draining) {
        Ok(()) => body::check_unread(&mut request).await,
        refused => refused,
    };
    let mut response = match checked {
        Err(refusal) => {
            let (request, _) = request.into_parts();
            problem_response(request, respond(&refusal, &request_id))
        }
        Ok(()) => {
            // The route of Swagger UI has no HEAD. actix omits the body of the response.
            if request.method() == Method::HEAD && request.path().starts_with("/docs/") {
                request.head_mut().method = Method::GET;
            }
            // Errors of handlers and extractors are responses at this point.
            let response = next.call(request).await?;
            if is_error(response.status()) {
                write_problem(response, &request_id)
            } else {
                response.map_into_left_body()
            }
        }
    };
    if response.status().is_server_error() {
        let (path, status) = (response.request().path(), response.status().as_u16());
        tracing::warn!(request_id, status, path, "request failed");
    }
    // The rest of an incomplete request could be misread as the next request.
    let is_incomplete =
        [StatusCode::REQUEST_TIMEOUT, StatusCode::PAYLOAD_TOO_LARGE].contains(&response.status());
    if is_draining || is_incomplete {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    // It only keeps actix from compressing the response.
    if response.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding == "identity") {
        response.headers_mut().remove(header::CONTENT_ENCODING);
    }
    let is_api = response.request().path().starts_with("/api/");
    if response.request().path().starts_with("/docs/") {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_CSP));
    }
    add_headers(response.headers_mut(), &request_id, is_api, is_https);
    Ok(response)
}

/// Checks whether the request is accepted. A stopping server refuses requests also on open connections.
fn check(request: &ServiceRequest, is_draining: bool) -> Result<(), AppError> {
    if is_draining && !["/livez", "/readyz"].contains(&request.path()) {
        return Err(AppError::because(ErrorCode::Unavailable, "The server is stopping. Try again."));
    }
    check_head(request.uri(), request.headers())
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// The request id of the client, if it is valid, or a new one.
pub fn request_id(headers: &HeaderMap) -> String {
    headers
        .get(REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .filter(|id| (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()))
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Checks the size of a request head.
///
/// # Errors
/// 414 if the URL is too long, 431 if there are too many headers or they are too large.
pub fn check_head(uri: &Uri, headers: &HeaderMap) -> Result<(), AppError> {
    if uri.path_and_query().is_some_and(|target| target.as_str().len() > MAX_URI_BYTES) {
        return Err(AppError::new(ErrorCode::UriTooLong));
    }
    // Each line also has ": " and a line break.
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if bytes > MAX_HEADER_BYTES || headers.len() > MAX_HEADERS {
        return Err(AppError::new(ErrorCode::HeadersTooLarge));
    }
    Ok(())
}

/// Adds the problem body to an error response. Its headers, such as `Allow`, are kept.
fn write_problem<B>(response: ServiceResponse<B>, request_id: &str) -> ServiceResponse<EitherBody<B>>
where
    B: MessageBody + 'static,
{
    let (request, response) = response.into_parts();
    let error = response.extensions().get::<AppError>().cloned();
    let error = error.unwrap_or_else(|| AppError::new(code_of_status(response.status())));
    let mut problem = respond(&error, request_id);
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            problem.headers_mut().append(name.clone(), value.clone());
        }
    }
    problem_response(request, problem)
}

/// Combines a problem with its request, whose body may be unread.
fn problem_response<B>(
    request: HttpRequest,
    problem: HttpResponse<BoxBody>,
) -> ServiceResponse<EitherBody<B>> {
    let unread = request.extensions_mut().remove::<body::Unread>();
    let problem = problem.map_body(|_, body| match unread {
        Some(unread) => unread.keep_in(body),
        None => body,
    });
    ServiceResponse::new(request, problem).map_into_right_body()
}

/// The response for an error.
pub fn respond(error: &AppError, request_id: &str) -> HttpResponse<BoxBody> {
    let status = error.status();
    let mut response = HttpResponseBuilder::new(status);
    if let Some(seconds) = error.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if status == StatusCode::UPGRADE_REQUIRED {
        response.insert_header((header::UPGRADE, "websocket"));
        response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
    }
    // The serialization of strings and numbers cannot fail.
    let json = serde_json::to_string(&problem(error, request_id)).unwrap_or_default();
    response.insert_header((header::CONTENT_TYPE, PROBLEM_CONTENT_TYPE)).body(json)
}

/// The problem body of an error.
pub fn problem(error: &AppError, request_id: &str) -> Problem {
    let status = error.status();
    Problem {
        kind: format!("{PROBLEMS_PATH}#{}", error.code.name()),
        title: status.canonical_reason().unwrap_or("Error").to_owned(),
        status: status.as_u16(),
        detail: error.detail.clone(),
        code: error.code,
        request_id: request_id.to_owned(),
        errors: error.errors.clone(),
        retry_after: error.retry_after,
        scope: error.scope,
    }
}

/// The code of an error response that actix created.
pub fn code_of_status(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        StatusCode::REQUEST_TIMEOUT => ErrorCode::RequestTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::BodyTooLarge,
        StatusCode::URI_TOO_LONG => ErrorCode::UriTooLong,
        StatusCode::RANGE_NOT_SATISFIABLE => ErrorCode::RangeNotSatisfiable,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ErrorCode::HeadersTooLarge,
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Unavailable,
        status if status.is_server_error() => ErrorCode::Internal,
        _ => ErrorCode::BadRequest,
    }
}

/// Adds the headers of every response.
pub fn add_headers(headers: &mut HeaderMap, request_id: &str, is_api: bool, is_https: bool) {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
        (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (header::PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(API_CSP));
    }
    if is_api || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
