//! Information about the server.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::admin::ServerSettings;
use shared::files::MAX_ATTACHMENTS;
use shared::messages::MessageText;
use shared::page::{DEFAULT_LIMIT, MAX_LIMIT};
use shared::reactions::EMOJI_VERSION;
use shared::rooms::RoomName;
use shared::server::{Limits, SERVER_PATH, ServerInfo};
use shared::users::{UserKind, Username};

use super::body::MAX_BODY_BYTES;
use super::endpoint::{Endpoint, Needs};
use crate::app::App;
use crate::config::Access;
use crate::error::AppResult;
use crate::files::MAX_AVATAR_BYTES;

/// This server's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What clients may rely on.
const FEATURES: [&str; 9] =
    ["guests", "accounts", "private_rooms", "invites", "presence", "typing", "resume", "files", "streams"];

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(Method::GET, SERVER_PATH, Needs::Nothing, get)]
}

/// Get the name, version, limits and features
#[utoipa::path(get, path = SERVER_PATH, operation_id = "get_server", tag = "server",
    responses((status = 200, description = "About the server", body = ServerInfo)))]
pub async fn get(app: web::Data<App>) -> AppResult<HttpResponse> {
    let daily_bytes = app.files.quota.daily_bytes();
    let ServerSettings { registration, guests } = app.accounts.settings().await?;
    Ok(HttpResponse::Ok().json(ServerInfo {
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
            upload_bytes: app.files.max_upload_bytes,
            member_upload_bytes_per_day: daily_bytes.map(|[member, _]| member),
            guest_upload_bytes_per_day: daily_bytes.map(|[_, guest]| guest),
            avatar_bytes: MAX_AVATAR_BYTES,
            attachments: MAX_ATTACHMENTS,
        },
        features: FEATURES.map(str::to_owned).to_vec(),
        emoji_version: EMOJI_VERSION.to_owned(),
        registration,
        guests,
        is_open: app.config.access == Access::Open,
    }))
}
