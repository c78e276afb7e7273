//! What admins of the server do.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::admin::{
    ADMIN_SETTINGS_PATH, ADMIN_USERS_PATH, AdminUser, Guests, Registration, ServerSettings, UpdateAdminUser,
    UpdateServerSettings,
};
use shared::errors::ErrorCode;
use shared::ids::UserId;
use shared::page::Page;

use super::body::JsonBody;
use super::endpoint::{Endpoint, Needs};
use super::identity::{SignedIn, check_scopes};
use super::query::{LimitSchema, Query, UserCursorSchema, page_response};
use super::users::{UserPath, users};
use crate::app::App;
use crate::db::users::{Account, Listed};
use crate::error::{AppError, AppResult};
use crate::policy::Use;

const ADMIN_USER_PATH: &str = "/api/v1/admin/users/{user_id}";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, ADMIN_USERS_PATH, Needs::Admin, list),
        Endpoint::new(Method::PATCH, ADMIN_USER_PATH, Needs::Admin, update),
        Endpoint::new(Method::PATCH, ADMIN_SETTINGS_PATH, Needs::Admin, update_settings),
    ]
}

/// The id of an admin who makes a request. It is read from the database, so that a demotion holds at once.
pub(super) async fn admin(app: &App, SignedIn(identity): SignedIn) -> AppResult<UserId> {
    let me = app.accounts.get(identity.user.id).await?.me;
    if me.is_admin { Ok(me.user.id) } else { Err(AppError::new(ErrorCode::AdminOnly)) }
}

fn seen(account: Account) -> AdminUser {
    let Account { me, disabled_at, .. } = account;
    AdminUser { user: me.user, is_admin: me.is_admin, is_disabled: disabled_at.is_some() }
}

/// List users, guests included
///
/// `query` is the beginning of a name or of any word of it.
#[utoipa::path(get, path = ADMIN_USERS_PATH, operation_id = "list_admin_users", tag = "admin",
    security(("token" = []), ("cookie" = [])),
    params(("query" = Option<String>, Query), ("limit" = inline(Option<LimitSchema>), Query),
        ("cursor" = inline(Option<UserCursorSchema>), Query)),
    responses(
        (status = 200, description = "A page of users, oldest first", body = Page<AdminUser>,
            headers(("Link" = String, description = "The page after this one (RFC 8288)"))),
        (status = 403, description = "admin_only")))]
pub async fn list(signed_in: SignedIn, app: web::Data<App>, query: Query) -> AppResult<HttpResponse> {
    admin(&app, signed_in).await?;
    let page = users(&app, &query, Listed::Everybody).await?;
    let items = page.items.into_iter().map(seen).collect();
    let page = Page { items, next_cursor: page.next_cursor, prev_cursor: page.prev_cursor };
    Ok(page_response(&page, ADMIN_USERS_PATH, query.limit()?, ("cursor", "cursor")))
}

/// Promote, demote, disable or enable a user
///
/// The sockets of a disabled user are closed with 4403.
#[utoipa::path(patch, path = ADMIN_USER_PATH, operation_id = "update_admin_user", tag = "admin",
    security(("token" = []), ("cookie" = [])), params(("user_id" = UserId, Path)), request_body = UpdateAdminUser,
    responses(
        (status = 200, description = "The user", body = AdminUser),
        (status = 403, description = "admin_only"),
        (status = 404, description = "user_not_found"),
        (status = 409, description = "last_admin")))]
pub async fn update(
    signed_in: SignedIn,
    app: web::Data<App>,
    UserPath(id): UserPath,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let credential = signed_in.0.clone();
    let by = admin(&app, signed_in).await?;
    app.accounts.get(id).await?;
    let UpdateAdminUser { is_admin, is_disabled } = body.read(|fields| {
        let (is_admin, is_disabled) = (fields.flag("is_admin"), fields.flag("is_disabled"));
        Some(UpdateAdminUser { is_admin, is_disabled })
    })?;
    if is_admin.is_some() {
        check_scopes(&credential, Use::Escalation)?;
    }
    let account = app.accounts.administer(&app.sessions, by, id, is_admin, is_disabled).await?;
    Ok(HttpResponse::Ok().json(seen(account)))
}

/// Change settings of the server
#[utoipa::path(patch, path = ADMIN_SETTINGS_PATH, operation_id = "update_settings", tag = "admin",
    security(("token" = []), ("cookie" = [])), request_body = UpdateServerSettings,
    responses(
        (status = 200, description = "The settings", body = ServerSettings),
        (status = 403, description = "admin_only")))]
pub async fn update_settings(
    signed_in: SignedIn,
    app: web::Data<App>,
    body: JsonBody,
) -> AppResult<HttpResponse> {
    let by = admin(&app, signed_in).await?;
    let update = body.read(|fields| {
        let registration = fields.named("registration", Registration::ALL, Registration::name);
        let guests = fields.named("guests", Guests::ALL, Guests::name);
        Some(UpdateServerSettings { registration, guests })
    })?;
    Ok(HttpResponse::Ok().json(app.accounts.update_settings(by, update).await?))
}
