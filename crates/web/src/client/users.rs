//! Requests about the user and the session.

use shared::sessions::CURRENT_SESSION_PATH;
use shared::users::{CURRENT_USER_PATH, CreateGuest, GUESTS_PATH, User, Username};

use crate::client::{self, ClientError};
use crate::wire::NewSession;

/// Becomes a guest. The session is the cookie that comes with the answer; the token in it is not kept.
pub async fn create_guest(username: Username) -> Result<User, ClientError> {
    let session: NewSession = client::post(GUESTS_PATH, &CreateGuest { username }).await?;
    Ok(session.user)
}

/// The user of the session.
pub async fn get_current() -> Result<User, ClientError> {
    client::get(CURRENT_USER_PATH).await
}

/// Signs out.
pub async fn delete_session() -> Result<(), ClientError> {
    client::delete(CURRENT_SESSION_PATH).await
}
