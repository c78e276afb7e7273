//! The WebSocket edge: from the upgrade request to the last frame.
//!
//! actix-ws does the handshake and decodes incoming frames, behind a `guard`. Outgoing frames leave by a response body,
//! `frames`, instead of the sender of actix-ws: all sockets share the frames that the hub encoded once. Each connection
//! has one task, `reader`, which hands incoming messages to [`crate::commands`].

mod frames;
mod guard;
mod reader;

use actix_http::BoxedPayloadStream;
use actix_http::ws::{self, HandshakeError};
use actix_web::body::BoxBody;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use shared::errors::ErrorCode;
use shared::server::{SOCKET_PATH, SOCKET_PROTOCOL};

use self::frames::Frames;
pub use self::frames::WRITE_BUFFER_BYTES;
use self::guard::{Guard, MAX_MESSAGE_BYTES};
use crate::app::App;
use crate::commands::Commands;
use crate::error::{AppError, AppResult};
use crate::http::identity::{Caller, check_scopes, identify};
use crate::http::origin;
use crate::policy::Use;

/// Mounts the socket's path.
pub fn configure(config: &mut web::ServiceConfig) {
    config.service(web::resource(SOCKET_PATH).route(web::get().to(connect)).route(web::head().to(connect)));
}

/// Answers a handshake with a WebSocket. Any other request gets 426.
async fn connect(
    request: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> AppResult<HttpResponse> {
    check_handshake(&request)?;
    // A page of another origin may not connect at all. Clients other than browsers send no Origin.
    if request.headers().contains_key(header::ORIGIN) {
        origin::check(&app.config, request.headers())?;
    }
    let peer = request.peer_addr().map(|peer| peer.ip());
    let Caller { address, identity } = identify(&app, request.headers(), peer, true).await?;
    if let Some(identity) = &identity {
        check_scopes(identity, Use::Read)?;
    }
    let registration = app.sessions.connect(address, identity)?;

    let (response, _, incoming) =
        actix_ws::handle_with_protocols(&request, guarded(&request, payload).await?, &[SOCKET_PROTOCOL])
            .map_err(|error| AppError::because(ErrorCode::BadRequest, error.to_string()))?;
    let incoming = incoming
        .max_frame_size(MAX_MESSAGE_BYTES)
        .aggregate_continuations()
        .max_continuation_size(MAX_MESSAGE_BYTES);
    let connection = registration.connection().clone();
    Commands::new(&app, &connection).greet();
    actix_web::rt::spawn(reader::run(app, incoming, connection));

    let (head, handshake) = response.into_parts();
    Ok(head.set_body(BoxBody::new(Frames::new(registration, handshake))))
}

/// Checks the client's handshake (RFC 6455, section 4.2.1).
fn check_handshake(request: &HttpRequest) -> AppResult<()> {
    ws::verify_handshake(request.head()).map_err(|error| match error {
        HandshakeError::GetMethodRequired
        | HandshakeError::NoWebsocketUpgrade
        | HandshakeError::NoConnectionUpgrade => AppError::new(ErrorCode::UpgradeRequired),
        HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => {
            AppError::because(ErrorCode::UpgradeRequired, "The WebSocket version must be 13.")
        }
        HandshakeError::BadWebsocketKey => {
            AppError::because(ErrorCode::BadRequest, "The header Sec-WebSocket-Key is missing or invalid.")
        }
    })
}

/// Wraps the payload in the guard.
async fn guarded(request: &HttpRequest, payload: web::Payload) -> AppResult<web::Payload> {
    let guard: BoxedPayloadStream = Box::pin(Guard::new(payload.into_inner()));
    let mut payload = dev::Payload::Stream { payload: guard };
    let guarded = web::Payload::from_request(request, &mut payload).await;
    guarded.map_err(|_| AppError::new(ErrorCode::Internal))
}
