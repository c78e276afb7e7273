//! Requests about the user.

use gloo_net::http::Method;
use shared::files::CURRENT_AVATAR_PATH;
use shared::page::Page;
use shared::users::{
    CURRENT_USER_PATH, ChangePassword, CreateGuest, CreateUser, DELETION_PATH, DeleteUser, GUESTS_PATH, Me,
    PASSWORD_PATH, PASSWORD_RESETS_PATH, ResetPassword, USERS_PATH, UpdateUser, User, Username,
};
use web_sys::Blob;

use crate::client::{self, ClientError};
use crate::wire::NewSession;

/// Becomes a guest. The session is the cookie that comes with the answer; the token in it is not kept. `invite` is the
/// secret of an invite, which is redeemed.
pub async fn create_guest(username: Username, invite: Option<String>) -> Result<User, ClientError> {
    let session: NewSession = client::post(GUESTS_PATH, &CreateGuest { username, invite }).await?;
    Ok(session.user)
}

/// Signs up. A guest becomes the member. The session is the cookie that comes with the answer.
pub async fn create(create: CreateUser) -> Result<User, ClientError> {
    let session: NewSession = client::post(USERS_PATH, &create).await?;
    Ok(session.user)
}

/// The user of the session.
pub async fn get_current() -> Result<User, ClientError> {
    client::get(CURRENT_USER_PATH).await
}

/// The user of the session, with what only they may know.
pub async fn get_me() -> Result<Me, ClientError> {
    client::get(CURRENT_USER_PATH).await
}

/// Members whose names begin like the query.
pub async fn list(query: &str) -> Result<Page<User>, ClientError> {
    client::get(&client::search_path(USERS_PATH, query, None)).await
}

/// Deletes the user.
pub async fn delete_current(delete: DeleteUser) -> Result<(), ClientError> {
    client::send_only(Method::POST, DELETION_PATH, &delete).await
}

/// Renames the user.
pub async fn update_current(username: Username) -> Result<User, ClientError> {
    client::patch(CURRENT_USER_PATH, &UpdateUser { username: Some(username) }).await
}

/// Sets the user's picture.
pub async fn put_avatar(image: &Blob) -> Result<User, ClientError> {
    client::put_image(CURRENT_AVATAR_PATH, image).await
}

/// Removes the user's picture.
pub async fn delete_avatar() -> Result<User, ClientError> {
    client::decode(&client::send(Method::DELETE, CURRENT_AVATAR_PATH, None).await?)
}

/// Changes the password. The user's other sessions end.
pub async fn change_password(change: ChangePassword) -> Result<(), ClientError> {
    client::send_only(Method::PUT, PASSWORD_PATH, &change).await
}

/// Sets a new password by a link. All sessions of its user end.
pub async fn reset_password(reset: ResetPassword) -> Result<(), ClientError> {
    client::send_only(Method::POST, PASSWORD_RESETS_PATH, &reset).await
}
