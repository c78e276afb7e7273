//! The WebSocket edge: from a request that wants to upgrade to a connection's last frame.
//!
//! The socket is taken over raw from actix-http (`HttpService::upgrade`) instead of through actix-ws: there a reader
//! that stalls is not cut off, a frame is buffered whole before its length is refused, each frame is copied twice per
//! connection, and at least 16 KiB of buffers stay with every idle socket. ARCHITECTURE.md has the figures.

mod connection;
mod session;

use std::sync::Arc;

use actix_codec::Framed;
use actix_http::body::{BodySize, MessageBody};
use actix_http::ws::{HandshakeError, hash_key};
use actix_http::{Request, Response, h1, ws};
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpResponse, web};
use bytes::Bytes;
use futures_util::SinkExt;
use shared::errors::ErrorCode;
use shared::events::CloseCode;
use shared::server::{SOCKET_PATH, SOCKET_PROTOCOL};

use crate::app::App;
use crate::error::{AppError, AppResult};
use crate::http::identity::{Caller, identify};
use crate::http::stream::Stream;
use crate::http::{origin, problem};
use crate::realtime::frame::Decoder;
use crate::realtime::hub::Connection;
use crate::realtime::postman::Postman;

/// Answers requests for the socket's path that do not want to upgrade.
pub fn configure(config: &mut web::ServiceConfig) {
    let plain = web::resource(SOCKET_PATH).route(web::get().to(connect)).route(web::head().to(connect));
    config.service(plain);
}

/// The WebSocket
///
/// Subprotocol `parlance.v1.json`, one JSON object a text frame. Without an upgrade the answer is 426.
#[utoipa::path(get, path = SOCKET_PATH, tag = "socket", responses((status = 101), (status = 426)))]
pub async fn connect() -> AppResult<HttpResponse> {
    Err(AppError::new(ErrorCode::UpgradeRequired))
}

/// Takes over a connection whose request asked for a WebSocket. It goes on in a task of its own, which is smaller than
/// what actix-http keeps of a request.
pub async fn upgrade(
    app: Arc<App>,
    postman: Arc<Postman>,
    request: Request,
    mut framed: Framed<Stream, h1::Codec>,
) {
    let request_id = problem::request_id(request.headers());
    match admit(&app, postman, &request).await {
        Ok((accept, connection)) => {
            if framed.send(switching_protocols(&request, &accept, &request_id)).await.is_err() {
                app.hub.disconnect(&connection);
                return;
            }
            let parts = framed.into_parts();
            let mut decoder = Box::<Decoder>::default();
            decoder.extend(&parts.read_buf);
            let stream = parts.io.into_inner();
            actix_rt::spawn(async move {
                connection::run(&app, stream, decoder, &connection).await;
                app.hub.disconnect(&connection);
            });
        }
        Err(refusal) => refuse(&refusal, &request_id, framed).await,
    }
}

/// Checks everything that is to be checked before the upgrade. Gives the handshake's answer and the connection.
async fn admit(
    app: &App,
    postman: Arc<Postman>,
    request: &Request,
) -> AppResult<(HeaderValue, Arc<Connection>)> {
    let headers = request.headers();
    problem::check_head(request.uri(), headers)?;
    if request.path() != SOCKET_PATH {
        return Err(AppError::new(ErrorCode::NotFound));
    }
    if *request.method() != Method::GET {
        return Err(AppError::new(ErrorCode::MethodNotAllowed));
    }
    let accept = accept_key(request)?;
    // A page of elsewhere may not even read; programs that are no browser send no Origin.
    if headers.contains_key(header::ORIGIN) {
        origin::check(&app.config, headers)?;
    }
    let peer = request.peer_addr().map(|peer| peer.ip());
    let Caller { address, identity } = identify(app, headers, peer, true).await?;
    let session = identity.as_ref().map(|identity| identity.session);
    let connection = app.hub.connect(address, identity, postman)?;
    // Whoever signed out meanwhile was not among the hub's connections yet.
    if session.is_some_and(|session| app.sessions.has_ended(&session)) {
        connection.outbox.close(CloseCode::SessionEnded);
    }
    Ok((accept, connection))
}

/// The answer to the client's key (RFC 6455, section 4.2).
fn accept_key(request: &Request) -> AppResult<HeaderValue> {
    ws::verify_handshake(request.head()).map_err(|error| match error {
        HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => {
            AppError::because(ErrorCode::UpgradeRequired, "The WebSocket version must be 13.")
        }
        other => {
            AppError::because(ErrorCode::BadRequest, format!("The WebSocket handshake is wrong: {other}."))
        }
    })?;
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    HeaderValue::from_bytes(&hash_key(key)).map_err(|_| AppError::new(ErrorCode::BadRequest))
}

fn switching_protocols(
    request: &Request,
    accept: &HeaderValue,
    request_id: &str,
) -> h1::Message<(Response<()>, BodySize)> {
    let mut response = Response::with_body(StatusCode::SWITCHING_PROTOCOLS, ());
    response.head_mut().set_connection_type(actix_http::ConnectionType::Upgrade);
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept.clone());
    if offers(request.headers(), SOCKET_PROTOCOL) {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SOCKET_PROTOCOL));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(problem::REQUEST_ID, id);
    }
    h1::Message::Item((response, BodySize::None))
}

fn offers(headers: &HeaderMap, protocol: &str) -> bool {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .filter_map(|offered| offered.to_str().ok())
        .flat_map(|offered| offered.split(','))
        .any(|offered| offered.trim() == protocol)
}

/// Answers as any other request that fails, and ends the connection.
async fn refuse(refusal: &AppError, request_id: &str, mut framed: Framed<Stream, h1::Codec>) {
    let answer = problem::respond(refusal, request_id);
    let body = answer.body().size();
    let (head, body_bytes) = match (body, answer.into_parts()) {
        (BodySize::Sized(_), (head, body)) => (head, body.try_into_bytes().unwrap_or_else(|_| Bytes::new())),
        (_, (head, _)) => (head, Bytes::new()),
    };
    let mut response = Response::with_body(head.status(), ());
    for (name, value) in head.headers() {
        response.headers_mut().append(name.clone(), value.clone());
    }
    problem::add_headers(response.headers_mut(), request_id, true, false);
    response.head_mut().set_connection_type(actix_http::ConnectionType::Close);
    let size = BodySize::Sized(body_bytes.len() as u64);
    let sent = async {
        framed.send(h1::Message::Item((response, size))).await?;
        framed.send(h1::Message::Chunk(Some(body_bytes))).await?;
        framed.send(h1::Message::Chunk(None)).await
    };
    if sent.await.is_ok() {
        connection::linger(&framed.into_parts().io.into_inner()).await;
    }
}
