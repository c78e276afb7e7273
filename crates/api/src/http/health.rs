//! Whether the process is up, and whether it can serve.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::errors::ErrorCode;

use super::Endpoint;
use crate::app::App;
use crate::db::{self, DbError};
use crate::error::{AppError, AppResult};

/// How long the database may take to say that it is there: who asks usually waits for a few seconds only.
const PATIENCE: Duration = Duration::from_secs(2);

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(Method::GET, "/livez", get_live), Endpoint::new(Method::GET, "/readyz", get_ready)]
}

/// The process is up
#[utoipa::path(get, path = "/livez", operation_id = "get_live", tag = "health",
    responses((status = 200, description = "Alive", body = String)))]
pub async fn get_live() -> &'static str {
    "ok\n"
}

/// The database can be reached and the server is not stopping
///
/// The database is migrated before the server listens.
#[utoipa::path(get, path = "/readyz", operation_id = "get_ready", tag = "health",
    responses((status = 200, description = "Ready", body = String)))]
pub async fn get_ready(app: web::Data<App>) -> AppResult<HttpResponse> {
    if app.is_draining() {
        return Err(AppError::because(ErrorCode::Unavailable, "The server is stopping."));
    }
    tokio::time::timeout(PATIENCE, app.db.run(db::ping))
        .await
        .map_err(|_| DbError::Unavailable("it does not answer in time".to_owned()))??;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n"))
}
