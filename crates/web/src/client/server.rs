//! Requests about the server itself.

use shared::server::SERVER_PATH;

use crate::client::{self, ClientError};
use crate::state::access::Access;
use crate::wire::FileLimits;

/// Who may come.
pub async fn access() -> Result<Access, ClientError> {
    client::get(SERVER_PATH).await
}

/// How large files may be.
pub async fn get_file_limits() -> Result<FileLimits, ClientError> {
    client::get(SERVER_PATH).await
}
