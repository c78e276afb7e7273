//! Requests about the user's sessions.

use shared::ids::SessionId;
use shared::sessions::{CURRENT_SESSION_PATH, CreateSession, SESSIONS_PATH, Session, session_path};
use shared::users::{Password, User};

use crate::client::{self, ClientError};
use crate::wire::{Items, NewSession};

/// Signs in. The session is the cookie that comes with the answer.
pub async fn create(username: String, password: Password) -> Result<User, ClientError> {
    let session: NewSession = client::post(SESSIONS_PATH, &CreateSession { username, password }).await?;
    Ok(session.user)
}

/// The sessions of the user, newest first.
pub async fn list() -> Result<Vec<Session>, ClientError> {
    client::get(SESSIONS_PATH).await.map(|sessions: Items<Session>| sessions.0)
}

/// Ends a session.
pub async fn delete(id: SessionId) -> Result<(), ClientError> {
    client::delete(&session_path(id)).await
}

/// Ends all sessions but this one.
pub async fn delete_others() -> Result<(), ClientError> {
    client::delete(SESSIONS_PATH).await
}

/// Signs out.
pub async fn delete_current() -> Result<(), ClientError> {
    client::delete(CURRENT_SESSION_PATH).await
}
