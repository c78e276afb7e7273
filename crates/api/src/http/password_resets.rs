//! Links that let a member choose a new password once.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::admin::PasswordReset;
use shared::ids::UserId;
use shared::users::{PASSWORD_RESETS_PATH, ResetPassword};

use super::admin::admin;
use super::body::JsonBody;
use super::endpoint::{Endpoint, Needs};
use super::identity::{Peer, SignedIn, Visitor};
use super::users::{UserPath, password_error};
use crate::app::App;
use crate::error::AppResult;
use crate::passwords;

const PASSWORD_RESET_PATH: &str = "/api/v1/admin/users/{user_id}/password-reset";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, PASSWORD_RESET_PATH, Needs::Admin, create),
        Endpoint::new(Method::POST, PASSWORD_RESETS_PATH, Needs::Nothing, redeem),
    ]
}

/// Make a link that lets a member choose a new password
#[utoipa::path(post, path = PASSWORD_RESET_PATH, operation_id = "create_password_reset", tag = "admin",
    security(("token" = []), ("cookie" = [])), params(("user_id" = UserId, Path)),
    responses(
        (status = 201, description = "The link, which is shown once", body = PasswordReset),
        (status = 403, description = "admin_only"),
        (status = 404, description = "user_not_found"),
        (status = 429, description = "rate_limited")))]
pub async fn create(
    signed_in: SignedIn,
    app: web::Data<App>,
    UserPath(id): UserPath,
) -> AppResult<HttpResponse> {
    let by = admin(&app, signed_in).await?;
    app.limits.reset_password(id)?;
    let (secret, expires_at) = app.accounts.create_reset(by, id).await?;
    let url = format!("{}/reset#{secret}", app.public_url());
    Ok(HttpResponse::Created().json(PasswordReset { url, expires_at: expires_at.into() }))
}

/// Choose a new password by a link
///
/// All sessions of the user end.
#[utoipa::path(post, path = PASSWORD_RESETS_PATH, operation_id = "reset_password", tag = "users",
    request_body = ResetPassword,
    responses(
        (status = 204, description = "The password is set"),
        (status = 403, description = "origin_refused"),
        (status = 404, description = "reset_not_found"),
        (status = 410, description = "reset_gone"),
        (status = 429, description = "rate_limited")))]
pub async fn redeem(
    _: Visitor,
    Peer(client): Peer,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let ResetPassword { token, new_password } = body.read(|fields| {
        let token = fields.required("token", |text| Ok(text.to_owned()));
        let new_password = fields.required("new_password", passwords::parse_new);
        Some(ResetPassword { token: token?, new_password: new_password? })
    })?;
    app.limits.look_up(client.address)?;
    app.accounts
        .reset_password(&app.sessions, client.address, &token, &new_password)
        .await
        .map_err(|error| password_error(error, "new_password"))?;
    Ok(HttpResponse::NoContent().finish())
}
