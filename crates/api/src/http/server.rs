//! Information about the server.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::messages::MessageText;
use shared::page::{DEFAULT_LIMIT, MAX_LIMIT};
use shared::rooms::RoomName;
use shared::server::{Limits, SERVER_PATH, ServerInfo};
use shared::users::{UserKind, Username};

use super::body::MAX_BODY_BYTES;
use super::endpoint::{Endpoint, Needs};
use crate::app::App;

/// This server's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(Method::GET, SERVER_PATH, Needs::Nothing, get)]
}

/// Get the name, version, limits and features
#[utoipa::path(get, path = SERVER_PATH, operation_id = "get_server", tag = "server",
    responses((status = 200, description = "About the server", body = ServerInfo)))]
pub async fn get(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().json(ServerInfo {
        name: app.config.name.clone(),
        version: VERSION.to_owned(),
        limits: Limits {
            guest_username: Username::GUEST_LENGTH,
            room_name: RoomName::LENGTH,
            guest_message: MessageText::length(UserKind::Guest),
            member_message: MessageText::length(UserKind::Member),
            page_default: DEFAULT_LIMIT,
            page_max: MAX_LIMIT,
            body_bytes: MAX_BODY_BYTES,
        },
        features: ["guests", "presence", "typing", "resume"].map(str::to_owned).to_vec(),
    })
}
