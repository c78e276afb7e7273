//! Requests of an admin of the server.

use gloo_net::http::Method;
use shared::admin::{
    ADMIN_SETTINGS_PATH, ADMIN_USERS_PATH, AdminUser, PasswordReset, ServerSettings, UpdateAdminUser,
    UpdateServerSettings, admin_user_path, password_reset_path,
};
use shared::ids::UserId;
use shared::page::{Cursor, Page};

use crate::client::{self, ClientError};

/// A page of users whose names begin like the query.
pub async fn list_users(query: &str, cursor: Option<&Cursor>) -> Result<Page<AdminUser>, ClientError> {
    client::get(&client::search_path(ADMIN_USERS_PATH, query, cursor)).await
}

/// Changes a user.
pub async fn update_user(id: UserId, update: UpdateAdminUser) -> Result<AdminUser, ClientError> {
    client::patch(&admin_user_path(id), &update).await
}

/// Makes a link to a new password.
pub async fn reset_password(id: UserId) -> Result<PasswordReset, ClientError> {
    client::decode(&client::send(Method::POST, &password_reset_path(id), None).await?)
}

/// Changes the settings of the server. What is absent stays as it is, so that nothing tells what they are.
pub async fn update_settings(update: UpdateServerSettings) -> Result<ServerSettings, ClientError> {
    client::patch(ADMIN_SETTINGS_PATH, &update).await
}
