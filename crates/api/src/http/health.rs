//! Health checks: liveness and readiness.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use shared::errors::ErrorCode;

use super::endpoint::{Endpoint, Needs};
use super::identity::address;
use crate::app::App;
use crate::db;
use crate::error::{AppError, AppResult};

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/livez", Needs::Nothing, get_live),
        Endpoint::new(Method::GET, "/readyz", Needs::Nothing, get_ready),
    ]
}

/// Check that the process runs
#[utoipa::path(get, path = "/livez", operation_id = "get_live", tag = "health",
    responses((status = 200, description = "Alive", body = String)))]
pub async fn get_live() -> &'static str {
    "ok\n"
}

/// Check that the database answers and the server is not stopping
///
/// The database is migrated before the server listens.
#[utoipa::path(get, path = "/readyz", operation_id = "get_ready", tag = "health",
    responses((status = 200, description = "Ready", body = String), (status = 429, description = "rate_limited")))]
pub async fn get_ready(request: HttpRequest, app: web::Data<App>) -> AppResult<HttpResponse> {
    app.limits.probe(address(&app, &request))?;
    if app.is_draining() {
        return Err(AppError::because(ErrorCode::Unavailable, "The server is stopping."));
    }
    app.readiness.check(|| app.db.run(db::ping)).await?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n"))
}
